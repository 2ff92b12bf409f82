"""Limiters of other kinds: edges, and what each of them is known for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import redis
from redis.backoff import NoBackoff
from redis.connection import UnixDomainSocketConnection
from redis.retry import Retry

from limiters.contract import Decision, Quota
from limiters.registry import KNOWN, OTHERS, REGISTRY, resolve
from limiters.token_bucket import TokenBucket
from limiters.two_bucket import TwoBucket
from limiters.watch_multi import WatchMulti
from tests.limiters.models import TwoCounters

if TYPE_CHECKING:
    from limitproof.servers.server import Server
    from tests.limiters.conftest import HandClock, Make, Wire

NAMES = [known.name for known in OTHERS]
each = pytest.mark.parametrize("name", NAMES)


def test_they_have_names_but_are_not_compared_by_a_run() -> None:
    assert NAMES == ["gcra", "token_bucket", "list_window", "watch_multi", "two_bucket"]
    assert (*REGISTRY, *OTHERS) == KNOWN
    assert not {known.name for known in REGISTRY} & set(NAMES)
    assert {known.kind for known in OTHERS} == {"other"}


@each
@pytest.mark.parametrize("cost", [0, -1, 1.5, True, "1", None])
def test_a_cost_that_is_no_whole_number_is_an_error(
    make: Make, client: redis.Redis, name: str, cost: Any
) -> None:
    with pytest.raises(ValueError, match=r"cost must be a whole number of at least 1, not "):
        make(name, 3).acquire("k", cost)
    assert client.dbsize() == 0


@each
def test_a_cost_above_the_limit_is_refused_for_ever(
    make: Make, client: redis.Redis, name: str
) -> None:
    limiter = make(name, 3)
    for cost in (4, 5, 10**12):
        assert limiter.acquire("k", cost) == Decision(False, 3, None)
    assert client.dbsize() == 0
    assert limiter.acquire("k", 3) == Decision(True, 0)
    assert limiter.acquire("k", 4) == Decision(False, 0, None)


@each
def test_a_large_cost(make: Make, name: str) -> None:
    limiter = make(name, 25_000)
    assert limiter.acquire("k", 12_000) == Decision(True, 13_000)
    assert limiter.acquire("k", 13_000).allowed
    assert not limiter.acquire("k", 25_000).allowed


@pytest.mark.parametrize("cost", [999, 1000, 1001, 2000])
def test_a_list_is_filled_in_parts(make: Make, client: redis.Redis, cost: int) -> None:
    assert make("list_window", cost).acquire("k", cost) == Decision(True, 0)
    assert client.llen("k") == cost


@each
def test_one_key_a_client_and_none_touches_another(
    make: Make, client: redis.Redis, name: str
) -> None:
    limiter = make(name, 3)
    for key in ("a", "b", "a:seq", "{a}", ""):
        assert limiter.acquire(key, 3) == Decision(True, 0)
    assert sorted(client.keys()) == [b"", b"a", b"a:seq", b"b", b"{a}"]


@each
def test_text_clients_work(client: redis.Redis, clock: HandClock, name: str) -> None:
    factory: Any = resolve(name).factory
    with redis.Redis(
        connection_pool=client.connection_pool, decode_responses=True, protocol=2
    ) as text:
        limiter = factory(text, Quota(1, 60.0), clock)
        assert limiter.acquire("k") == Decision(True, 0)
        assert not limiter.acquire("k").allowed


@pytest.mark.parametrize("factory", [TokenBucket, TwoBucket])
def test_a_quota_beyond_exact_numbers_is_an_error(
    client: redis.Redis, clock: HandClock, factory: type[TokenBucket] | type[TwoBucket]
) -> None:
    with pytest.raises(ValueError, match=r"limit=1000003.*exact below 2\^53; use a smaller limit"):
        factory(client, Quota(1_000_003, 86_400.0), clock)


def test_units_of_a_token_are_as_small_as_can_be(client: redis.Redis, clock: HandClock) -> None:
    """A million a day is 8.64e16 microsecond-tokens, beyond 2^53; without their common part not."""
    limiter = TokenBucket(client, Quota(1_000_000, 86_400.0), clock)
    assert limiter.acquire("k", 999_999) == Decision(True, 1)


# two_bucket: what it keeps, and how far it strays


def admissions(limit: int, window: int, instants: int) -> list[tuple[int, ...]]:
    """Everything that two counters admit at `instants` microseconds, one after the other.

    How many at each instant. From every state as many as it lets; a state is the two counts.
    """
    found: list[tuple[int, ...]] = []

    def go(counts: tuple[int, ...]) -> None:
        now = len(counts)
        if now == instants:
            found.append(counts)
            return
        model = TwoCounters(limit, window)
        for instant, count in enumerate(counts):
            number = instant // window
            model.counts[number] = model.counts.get(number, 0) + count
        for count in range(int(limit - model.estimate(now)) + 1):
            go((*counts, count))

    go(())
    return found


@pytest.mark.parametrize(
    ("limit", "window", "instants"), [(1, 3, 9), (2, 3, 9), (3, 4, 8), (4, 3, 6)]
)
def test_two_counters_keep_a_token_bucket_and_stray_up_to_twice_the_limit_less_one(
    limit: int, window: int, instants: int
) -> None:
    """Every sequence of admissions there is, and every interval in it, both ends included."""
    worst = 0
    for counts in admissions(limit, window, instants):
        for first in range(instants):
            total = 0
            for last in range(first, instants):
                total += counts[last]
                assert total * window <= limit * window + limit * (last - first)
                if last - first < window:
                    worst = max(worst, total)
    reachable = limit + limit * (window - 2) // window if window > 1 else limit
    assert limit <= worst <= 2 * limit - 1
    assert worst >= reachable


def test_two_counters_admit_nearly_twice_the_limit() -> None:
    model = TwoCounters(5, 1000)
    assert model.acquire(999, 5).allowed
    assert sum(model.acquire(instant, 1).allowed for instant in range(1000, 1999)) == 4


def test_two_counters_refuse_where_a_sliding_window_is_empty() -> None:
    model = TwoCounters(5, 1000)
    assert model.acquire(0, 5).allowed
    assert model.acquire(1000, 1) == Decision(False, 0, 200 / 1_000_000)


# watch_multi: somebody comes between


@pytest.fixture
def watching(make: Make) -> WatchMulti:
    limiter: WatchMulti = make("watch_multi", 2)
    return limiter


@pytest.mark.parametrize("command", ["ZRANGE", "TIME", "MULTI"])
def test_begins_anew_when_another_was_faster(
    watching: WatchMulti, make: Make, wire: Wire, client: redis.Redis, command: str
) -> None:
    other = make("watch_multi", 2)
    wire.before(command, lambda: other.acquire("k"))
    assert watching.acquire("k") == Decision(True, 0)
    assert client.zcard("k") == 2
    tries = [trip for trip in wire.take() if trip[0][0] == "WATCH"]
    assert len(tries) == 3  # its own two, and the other's


def test_a_refusal_is_of_one_moment_too(watching: WatchMulti, make: Make, wire: Wire) -> None:
    """Two wanted, one free when it looked; then the other takes that."""
    other = make("watch_multi", 2)
    other.acquire("k")
    wire.before("MULTI", lambda: other.acquire("k"))
    refused = watching.acquire("k", 2)
    assert (refused.allowed, refused.remaining) == (False, 0)


def test_threads_together_get_the_limit(server: Server, client: redis.Redis) -> None:
    def ask(_: int) -> int:
        with server.client() as mine:
            limiter = WatchMulti(mine, Quota(7, 60.0), lambda: 0.0)
            return sum(limiter.acquire("k").allowed for _ in range(5))

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(ask, range(8))) == 7
    assert client.zcard("k") == 7


class LosingExec(UnixDomainSocketConnection):
    """Loses the reply to the first EXEC after `armed` is set: it has run, nobody is told."""

    armed = False

    def read_response(self, *args: Any, **kwargs: Any) -> Any:
        reply = super().read_response(*args, **kwargs)
        if type(self).armed and isinstance(reply, list) and len(reply) == 3:
            type(self).armed = False
            self.disconnect()  # type: ignore[no-untyped-call]
            raise redis.ConnectionError("the reply was lost")
        return reply


@pytest.mark.parametrize("cost", [1, 2])
def test_a_lost_reply_to_exec_debits_once(
    server: Server, client: redis.Redis, clock: HandClock, cost: int
) -> None:
    path = server.url.removeprefix("unix://")
    pool = redis.ConnectionPool(connection_class=LosingExec, path=path, retry=Retry(NoBackoff(), 3))
    with redis.Redis(connection_pool=pool) as losing:
        limiter = WatchMulti(losing, Quota(2, 60.0), clock)
        LosingExec.armed = True
        assert limiter.acquire("k", cost) == Decision(True, 2 - cost)
    assert not LosingExec.armed
    assert client.zcard("k") == cost
    pool.disconnect()
