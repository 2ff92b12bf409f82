"""A request whose reply is lost is sent again byte for byte, and debited once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.backoff import NoBackoff
from redis.connection import UnixDomainSocketConnection
from redis.retry import Retry

from limiters.base import lua_script
from limiters.contract import Decision, Quota
from limiters.lua_atomic import LuaAtomic, LuaAtomicClientClock

if TYPE_CHECKING:
    from limitproof.servers.server import Server
    from tests.limiters.conftest import HandClock, Wire

MINUTE = 60_000_000


class Again:
    """The script of lua_atomic with nonces of one's own: `limit` requests a minute."""

    def __init__(self, client: redis.Redis, clock: HandClock, limit: int) -> None:
        self._script = lua_script(client, LuaAtomic.script)
        self._clock, self._limit = clock, limit

    def __call__(self, nonce: str, cost: int = 1) -> list[int]:
        now = self._clock.microseconds
        answer: Any = self._script(keys=["k"], args=[self._limit, MINUTE, cost, now, nonce])
        return list(answer)


@pytest.mark.parametrize("cost", [1, 3, 2500])
def test_the_same_answer_and_nothing_added(
    client: redis.Redis, clock: HandClock, cost: int
) -> None:
    send = Again(client, clock, cost + 2)
    first = send("a", cost)
    kept = client.dump("k"), client.pexpiretime("k")
    assert first == [1, 2, 0]
    for _ in range(3):
        assert send("a", cost) == first
    clock.move(59.999_999)
    assert send("a", cost) == first
    assert (client.dump("k"), client.pexpiretime("k")) == kept


def test_what_remains_is_counted_as_of_now(client: redis.Redis, clock: HandClock) -> None:
    send = Again(client, clock, 3)
    assert send("a") == [1, 2, 0]
    assert send("b", 2) == [1, 0, 0]
    assert send("a") == [1, 0, 0]
    assert send("c") == [0, 0, MINUTE]


def test_a_full_window_still_knows_its_own(client: redis.Redis, clock: HandClock) -> None:
    """Limit 1: to refuse what was admitted a moment ago would lose a place."""
    send = Again(client, clock, 1)
    assert [send("a"), send("a"), send("b"), send("a")] == [
        [1, 0, 0],
        [1, 0, 0],
        [0, 0, MINUTE],
        [1, 0, 0],
    ]


def test_after_a_window_it_is_a_new_request(client: redis.Redis, clock: HandClock) -> None:
    """Its first debit has left; the second is at least a window later."""
    send = Again(client, clock, 1)
    send("a")
    clock.move(60)
    assert send("a") == [1, 0, 0]
    clock.move(60)
    assert send("b") == [1, 0, 0]
    assert send("a") == [0, 0, MINUTE]


def test_a_refused_request_is_judged_anew(client: redis.Redis, clock: HandClock) -> None:
    send = Again(client, clock, 1)
    send("a")
    assert send("b") == [0, 0, MINUTE]
    clock.move(60)
    assert send("b") == [1, 0, 0]
    assert client.zcard("k") == 1


NONCES = ["a", "0:a", "1:a", "a:1", "a:0", ":", "", "0", "1", "0:", "1:0:a"]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sent=st.lists(st.tuples(st.sampled_from(NONCES), st.integers(1, 3)), max_size=15))
def test_no_two_requests_share_a_member(
    client: redis.Redis, clock: HandClock, sent: Sequence[tuple[str, int]]
) -> None:
    client.delete("k")
    send = Again(client, clock, 1000)
    costs: dict[str, int] = {}
    for nonce, cost in sent:
        costs.setdefault(nonce, cost)
        assert send(nonce, costs[nonce]) == [1, 1000 - sum(costs.values()), 0]
    assert client.zcard("k") == sum(costs.values())


class Losing(UnixDomainSocketConnection):
    """Loses the reply to the first script after `armed` is set: it has run, nobody is told."""

    armed = False

    def read_response(self, *args: Any, **kwargs: Any) -> Any:
        reply = super().read_response(*args, **kwargs)
        if type(self).armed and isinstance(reply, list):
            type(self).armed = False
            self.disconnect()  # type: ignore[no-untyped-call]
            raise redis.ConnectionError("the reply was lost")
        return reply


@pytest.mark.parametrize("limiter_class", [LuaAtomic, LuaAtomicClientClock])
@pytest.mark.parametrize("cost", [1, 2])
def test_redis_py_sends_it_again(
    server: Server,
    client: redis.Redis,
    clock: HandClock,
    wire: Wire,
    limiter_class: type[LuaAtomic],
    cost: int,
) -> None:
    path = server.url.removeprefix("unix://")
    pool = redis.ConnectionPool(
        connection_class=Losing, path=path, retry=Retry(NoBackoff(), 3), retry_on_error=[]
    )
    with redis.Redis(connection_pool=pool) as losing:
        limiter = limiter_class(losing, Quota(5, 60.0), clock)
        limiter.acquire("another key")
        wire.take()
        Losing.armed = True
        assert limiter.acquire("k", cost) == Decision(True, 5 - cost)
    assert not Losing.armed
    calls = [trip for trip in wire.take() if trip[0][0] == "EVALSHA"]
    assert len(calls) == 2
    assert calls[0] == calls[1]
    assert client.zcard("k") == cost
    pool.disconnect()


def test_every_request_has_a_nonce_of_its_own(
    client: redis.Redis, clock: HandClock, wire: Wire
) -> None:
    limiter = LuaAtomic(client, Quota(9, 60.0), clock)
    for _ in range(50):
        limiter.acquire("k")
    nonces = {trip[0][-1] for trip in wire.take() if trip[0][0] == "EVALSHA"}
    assert len(nonces) == 50
