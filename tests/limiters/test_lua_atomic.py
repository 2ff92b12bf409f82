"""The limiter to use keeps its contract exactly, at every edge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import redis

from limiters.contract import Decision, Quota
from limiters.lua_atomic import LuaAtomic, LuaAtomicClientClock

if TYPE_CHECKING:
    from tests.limiters.conftest import HandClock

MICROSECOND = 1e-6


@pytest.fixture
def limiter(client: redis.Redis, clock: HandClock) -> LuaAtomicClientClock:
    """Three requests in 60 s, on the clock set by hand."""
    return LuaAtomicClientClock(client, Quota(3, 60.0), clock)


def test_remaining_and_retry_after_are_exact(
    limiter: LuaAtomicClientClock, clock: HandClock
) -> None:
    told = []
    for _ in range(4):
        told.append(limiter.acquire("k"))
        clock.move(10)
    assert told == [
        Decision(True, 2),
        Decision(True, 1),
        Decision(True, 0),
        Decision(False, 0, 30.0),
    ]


def test_waiting_retry_after_is_enough_and_a_microsecond_less_is_not(
    limiter: LuaAtomicClientClock, clock: HandClock
) -> None:
    for _ in range(3):
        limiter.acquire("k")
        clock.move(0.123457)
    for _ in range(3):
        wait = limiter.acquire("k").retry_after
        assert wait is not None
        clock.move(wait - MICROSECOND)
        assert limiter.acquire("k") == Decision(False, 0, MICROSECOND)
        clock.move(MICROSECOND)
        assert limiter.acquire("k") == Decision(True, 0)


def test_an_entry_of_exactly_one_window_no_longer_counts(
    limiter: LuaAtomicClientClock, clock: HandClock
) -> None:
    assert limiter.acquire("k", cost=3).allowed
    clock.move(60 - MICROSECOND)
    assert not limiter.acquire("k").allowed
    clock.move(MICROSECOND)
    assert limiter.acquire("k", cost=3).allowed


def test_cost_is_all_or_nothing(limiter: LuaAtomicClientClock, clock: HandClock) -> None:
    assert limiter.acquire("k") == Decision(True, 2)
    clock.move(10)
    assert limiter.acquire("k") == Decision(True, 1)
    clock.move(10)
    # One place is free. Two need the first entry gone, three need both.
    assert limiter.acquire("k", cost=2) == Decision(False, 1, 40.0)
    assert limiter.acquire("k", cost=3) == Decision(False, 1, 50.0)
    assert limiter.acquire("k", cost=1) == Decision(True, 0)
    clock.move(50)
    assert limiter.acquire("k", cost=2) == Decision(True, 0)


def test_a_cost_above_the_limit_is_refused_for_ever(limiter: LuaAtomicClientClock) -> None:
    assert limiter.acquire("k", cost=4) == Decision(False, 3, None)
    assert limiter.acquire("k", cost=10**12) == Decision(False, 3, None)
    assert limiter.acquire("k", cost=3) == Decision(True, 0)


@pytest.mark.parametrize("cost", [0, -1, 1.5, 2.0, True, "1", None])
def test_a_cost_that_is_no_whole_number_is_an_error(
    limiter: LuaAtomicClientClock, client: redis.Redis, cost: Any
) -> None:
    with pytest.raises(ValueError, match=r"cost must be a whole number of at least 1, not "):
        limiter.acquire("k", cost=cost)
    assert client.dbsize() == 0


def test_a_large_cost_is_added_in_parts(client: redis.Redis, clock: HandClock) -> None:
    limiter = LuaAtomicClientClock(client, Quota(25_000, 60.0), clock)
    assert limiter.acquire("k", cost=12_000) == Decision(True, 13_000)
    assert limiter.acquire("k", cost=13_000) == Decision(True, 0)
    assert client.zcard("k") == 25_000


@pytest.mark.parametrize("cost", [999, 1000, 1001, 2000])
def test_a_part_is_never_empty(client: redis.Redis, clock: HandClock, cost: int) -> None:
    """ZADD without members is an error."""
    limiter = LuaAtomicClientClock(client, Quota(cost, 60.0), clock)
    assert limiter.acquire("k", cost) == Decision(True, 0)
    assert client.zcard("k") == cost


def test_requests_of_one_microsecond_have_names_of_their_own(
    limiter: LuaAtomicClientClock, client: redis.Redis, clock: HandClock
) -> None:
    limiter.acquire("k")
    limiter.acquire("k", cost=2)
    numbers, nonces = zip(*(member.split(":") for member, _ in entries(client)), strict=True)
    assert sorted(numbers) == ["0", "0", "1"]
    assert {len(nonce) for nonce in nonces} == {32}
    assert len(set(nonces)) == 2
    assert {score for _, score in entries(client)} == {clock.START}


def test_microseconds_keep_all_their_digits(
    limiter: LuaAtomicClientClock, client: redis.Redis, clock: HandClock
) -> None:
    """Lua's tostring() keeps 14 of 16 digits: requests within 100 us would have one score."""
    for _ in range(3):
        limiter.acquire("k")
        clock.move(MICROSECOND)
    assert [score for _, score in entries(client)] == [clock.START + step for step in range(3)]


def test_a_clock_that_steps_back_refuses_rather_than_overshoots(
    limiter: LuaAtomicClientClock, clock: HandClock
) -> None:
    limiter.acquire("k", cost=2)
    clock.move(-10)
    assert limiter.acquire("k") == Decision(True, 0)
    assert limiter.acquire("k") == Decision(False, 0, 60.0)
    clock.move(10)
    assert limiter.acquire("k") == Decision(False, 0, 50.0)


def test_refused_requests_leave_nothing(
    limiter: LuaAtomicClientClock, client: redis.Redis, clock: HandClock
) -> None:
    limiter.acquire("k", cost=3)
    expires = client.pexpiretime("k")
    clock.move(59)
    for _ in range(20):
        assert not limiter.acquire("k").allowed
    assert client.zcard("k") == 3
    assert client.pexpiretime("k") == expires
    limiter.acquire("never admitted", cost=4)
    assert client.keys() == [b"k"]


def test_keys_do_not_touch_each_other(limiter: LuaAtomicClientClock, client: redis.Redis) -> None:
    for key in ("a", "b", "a:seq", "a:0", ""):
        assert limiter.acquire(key, cost=3) == Decision(True, 0)
    assert client.dbsize() == 5


def test_a_key_filled_under_a_larger_quota(
    limiter: LuaAtomicClientClock, client: redis.Redis, clock: HandClock
) -> None:
    limiter.acquire("k", cost=3)
    smaller = LuaAtomicClientClock(client, Quota(1, 60.0), clock)
    assert smaller.acquire("k") == Decision(False, 0, 60.0)


@pytest.mark.parametrize(
    ("window", "microseconds"), [(0.07, 70_000), (1.1, 1_100_000), (1e-7, 1), (0.1234567, 123_457)]
)
def test_a_window_is_never_cut_short(
    client: redis.Redis, clock: HandClock, window: float, microseconds: int
) -> None:
    limiter = LuaAtomicClientClock(client, Quota(1, window), clock)
    limiter.acquire("k")
    assert limiter.acquire("k").retry_after == microseconds / 1_000_000


@pytest.mark.parametrize("limiter_class", [LuaAtomic, LuaAtomicClientClock])
def test_the_key_lives_one_window_rounded_up(
    client: redis.Redis, clock: HandClock, limiter_class: type[LuaAtomic]
) -> None:
    limiter = limiter_class(client, Quota(3, 60.0005), clock)
    before = server_microseconds(client)
    limiter.acquire("k")
    after = server_microseconds(client)
    expires = client.pexpiretime("k") * 1000
    assert before + 60_000_500 <= expires <= after + 60_000_500 + 1000


def test_the_servers_clock_decides_by_default(client: redis.Redis, clock: HandClock) -> None:
    """The client's clock stands still years ago and is not asked."""
    limiter = LuaAtomic(client, Quota(1, 60.0), clock)
    before = server_microseconds(client)
    assert limiter.acquire("k") == Decision(True, 0)
    after = server_microseconds(client)
    [(_, score)] = entries(client)
    assert before <= score <= after
    wait = limiter.acquire("k").retry_after
    assert wait is not None
    assert 60 - (server_microseconds(client) - before) / 1e6 <= wait <= 60


def test_entries_outlive_the_key_never(client: redis.Redis, clock: HandClock) -> None:
    """The key expires no earlier than its newest entry leaves the window, to the microsecond."""
    limiter = LuaAtomic(client, Quota(1000, 60.0), clock)
    for _ in range(200):
        limiter.acquire("k")
        _, newest = entries(client)[-1]
        # Redis drops a key once its clock is past this millisecond.
        assert client.pexpiretime("k") * 1000 >= newest + 60_000_000


def test_text_clients_work(client: redis.Redis, clock: HandClock) -> None:
    with redis.Redis(
        connection_pool=client.connection_pool, decode_responses=True, protocol=2
    ) as text:
        assert LuaAtomic(text, Quota(1, 60.0), clock).acquire("k") == Decision(True, 0)


def entries(client: redis.Redis) -> list[tuple[str, float]]:
    stored: Any = client.zrange("k", 0, -1, withscores=True)
    return [(member.decode(), score) for member, score in stored]


def server_microseconds(client: redis.Redis) -> int:
    seconds, microseconds = client.time()
    return seconds * 1_000_000 + microseconds
