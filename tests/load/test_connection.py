"""A client's own connection: one, kept, found broken by its next command, and fair."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from limitproof.load import connection
from limitproof.load.connection import own_client
from limitproof.servers.handle import no_retry
from limitproof.servers.server import Server


@pytest.fixture
def own(server: Server) -> Iterator[redis.Redis]:
    with own_client(server.url, retry=no_retry()) as client:
        yield client


def test_commands_and_pipelines_share_one_connection(own: redis.Redis) -> None:
    first = own.client_id()
    with own.pipeline(transaction=False) as pipe:
        pipe.client_id()
        pipe.client_id()
        assert pipe.execute() == [first, first]
    assert own.client_id() == first


def test_a_second_connection_is_there_while_the_first_is_taken(own: redis.Redis) -> None:
    first = own.client_id()
    with own.pipeline() as pipe:
        pipe.watch("somebody's")  # type: ignore[no-untyped-call]
        other = own.client_id()
        assert other != first
        pipe.multi()
        pipe.client_id()
        assert pipe.execute() == [first]
    assert own.client_id() in {first, other}


def test_a_connection_that_the_server_closed_fails_once(
    own: redis.Redis, client: redis.Redis
) -> None:
    before = own.client_id()
    client.client_kill_filter(_id=str(before))
    with pytest.raises(redis.ConnectionError):
        own.ping()
    assert own.ping()
    assert own.client_id() != before


def test_closing_the_client_closes_its_connection(server: Server, client: redis.Redis) -> None:
    with own_client(server.url) as own:
        number = own.client_id()
        assert number in _connected(client)
    # the server may have seen our question before it sees that the connection is closed
    assert any(number not in _connected(client) for _ in range(1000))


def test_others_have_their_turn_once_a_round_trip(
    own: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    own.ping()
    turns: list[None] = []
    monkeypatch.setattr(connection, "let_others_go", lambda: turns.append(None))
    own.ping()
    assert len(turns) == 1
    with own.pipeline(transaction=False) as pipe:
        pipe.ping()
        pipe.ping()
        pipe.execute()
    assert len(turns) == 2


def _connected(client: redis.Redis) -> set[int]:
    return {int(one["id"]) for one in client.client_list()}
