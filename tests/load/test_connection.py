"""A client's own connection: handed out without a look, the same one again and again."""

from __future__ import annotations

import redis

from limitproof.load.connection import own_client
from limitproof.servers.handle import Server, no_retry
from limitproof.servers.spawn import spawned


def numbers(client: redis.Redis) -> set[int]:
    """The server's numbers of this client's connections."""
    return {int(client.client_id()) for _ in range(5)}


def test_one_connection_is_used_again_and_again(server: Server, client: redis.Redis) -> None:
    before = len(client.client_list())
    with own_client(server.url) as one, own_client(server.url) as two:
        assert len(numbers(one)) == len(numbers(two)) == 1
        assert numbers(one) != numbers(two)
        assert len(client.client_list()) == before + 2
    assert len(client.client_list()) == before


def test_what_needs_more_connections_gets_them(server: Server, client: redis.Redis) -> None:
    with own_client(server.url) as one:
        with one.pipeline() as first, one.pipeline() as second:
            first.watch("a key")
            second.watch("a key")
            for pipe in (first, second):
                pipe.multi()
                pipe.incr("a key")
            assert first.execute() == [1]
            try:
                second.execute()
            except redis.WatchError:
                assert one.get("a key") == b"1"
            else:
                raise AssertionError("two connections, so the first changed the second's key")
        with one.pubsub() as listening:
            listening.subscribe("news")
            assert listening.get_message(timeout=5) is not None
            one.publish("news", "x")
            message = listening.get_message(timeout=5)
            assert message is not None
            assert message["data"] == b"x"
        assert len(numbers(one)) == 1
    assert client.get("a key") == b"1"


def test_a_connection_that_the_server_closed_fails_once(
    server: Server, client: redis.Redis
) -> None:
    with own_client(server.url, retry=no_retry()) as one:
        (number,) = numbers(one)
        client.client_kill_filter(_id=str(number))
        failures = 0
        for _ in range(3):
            try:
                one.ping()
            except redis.ConnectionError:
                failures += 1
        assert failures == 1
        assert numbers(one) != {number}


def test_a_server_that_went_away_is_told() -> None:
    with spawned() as server, own_client(server.url, retry=no_retry()) as one:
        one.ping()
        one.shutdown(nosave=True)
        for _ in range(3):
            try:
                one.ping()
            except redis.ConnectionError:
                continue
            raise AssertionError("nobody can have answered")
