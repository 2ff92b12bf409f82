"""Each specimen shows its own defect, and its family does not.

Windows are a minute long: the server's clock hardly moves in a test, the client's by hand.
"""

from __future__ import annotations

import multiprocessing
from typing import TYPE_CHECKING, Any

import pytest
import redis

from limiters.contract import Decision, Quota
from limiters.promise import FixedWindow, SlidingWindow, promise_of
from limiters.registry import REGISTRY, resolve

if TYPE_CHECKING:
    from tests.limiters.conftest import HandClock, Make

STORING_REFUSED = (
    *("lua_unconditional_add", "lua_same_millisecond", "pipeline_no_cleanup", "add_then_count"),
    *("transaction_random_member", "no_prune", "no_prune_fractional_expire"),
)
MEMBER_IS_THE_CLOCK = (
    *("lua_unconditional_add", "lua_same_millisecond", "pipeline_no_cleanup"),
    *("pipeline_cleanup_steals", "no_prune_fractional_expire"),
)
SORTED_SETS = (
    *("lua_atomic_client_clock", "lua_conditional_client_clock", "lua_sequence_leak", "pipeline"),
    *("pipeline_cleanup_steals", *STORING_REFUSED),
)


def own_clock_limiters() -> list[str]:
    """Those whose answers follow the clock that is set by hand."""
    return [known.name for known in REGISTRY if "clock-skew" in known.fails]


@pytest.mark.parametrize(
    "name", ["in_process", *(n for n in own_clock_limiters() if n not in STORING_REFUSED)]
)
def test_one_after_the_other_the_window_slides(name: str, make: Make, clock: HandClock) -> None:
    limiter = make(name, limit=2)
    told = []
    for step in (0, 20, 20, 20, 10):  # at 0, 20, 40, 60 and 70 s
        clock.move(step)
        told.append(limiter.acquire(f"k of {name}"))
    assert [decision.allowed for decision in told] == [True, True, False, True, False]
    assert [decision.remaining for decision in told] == [1, 0, 0, 0, 0]
    assert [decision.retry_after for decision in told] == [None, None, 20.0, None, 10.0]


@pytest.mark.parametrize("name", STORING_REFUSED)
def test_refused_requests_starve_the_next(
    name: str, make: Make, clock: HandClock, client: redis.Redis
) -> None:
    limiter = make(name)
    allowed = []
    for _ in range(10):
        allowed.append(limiter.acquire("k").allowed)
        clock.move(29)
    assert allowed == [True] + [False] * 9
    assert client.zcard("k") == (10 if name.startswith("no_prune") else 3)


@pytest.mark.parametrize("name", SORTED_SETS)
def test_equal_milliseconds(name: str, make: Make) -> None:
    limiter = make(name, limit=2)
    admitted = sum(limiter.acquire("k").allowed for _ in range(20))
    assert (admitted > 2) is (name in MEMBER_IS_THE_CLOCK)


def test_a_refusal_steals_the_place_of_an_admitted_request(make: Make, clock: HandClock) -> None:
    limiter = make("pipeline_cleanup_steals")
    allowed = [limiter.acquire("k").allowed for _ in range(2)]
    clock.move(0.001)
    allowed.append(limiter.acquire("k").allowed)
    assert allowed == [True, False, True]


@pytest.mark.parametrize("name", ["fixed_window", "fixed_window_off_by_one"])
def test_fixed_window_tells_the_time_to_live(name: str, make: Make, client: redis.Redis) -> None:
    limiter = make(name, limit=2)
    told = [limiter.acquire("k") for _ in range(3)]
    assert [decision.allowed for decision in told] == [True, name == "fixed_window", False]
    assert [decision.remaining for decision in told] == [1, 0, 0]
    ttl = client.pttl("k") / 1000
    assert told[2].retry_after is not None
    assert ttl <= told[2].retry_after <= 60


@pytest.mark.parametrize("name", ["fixed_window_refresh", "fixed_window_setex"])
def test_every_request_starts_the_window_anew(name: str, make: Make, client: redis.Redis) -> None:
    limiter = make(name)
    limiter.acquire("k")
    for _ in range(2):
        client.pexpire("k", 1000)
        assert limiter.acquire("k") == Decision(False, 0)
        assert client.pttl("k") > 1000


def test_a_fractional_expire_leaves_an_immortal_key(make: Make, client: redis.Redis) -> None:
    with pytest.raises(redis.ResponseError, match="not an integer"):
        make("no_prune_fractional_expire", window=1.5).acquire("k")
    assert client.pttl("k") == -1
    make("no_prune", window=1.5).acquire("j")
    assert 1000 < client.pttl("j") <= 2000


def test_a_fractional_setex_is_an_error_from_the_start(make: Make, client: redis.Redis) -> None:
    with pytest.raises(redis.ResponseError, match="not an integer"):
        make("fixed_window_setex", window=1.5).acquire("k")
    assert client.dbsize() == 0


@pytest.mark.parametrize(
    ("name", "side"), [("lua_sequence_leak", ":seq"), ("add_then_count", ":reset")]
)
def test_a_side_key_is_the_key_of_another_client(
    name: str, side: str, make: Make, client: redis.Redis
) -> None:
    limiter = make(name)
    limiter.acquire("a")
    assert (client.pttl(f"a{side}") == -1) is (name == "lua_sequence_leak")
    with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
        limiter.acquire(f"a{side}")


def test_add_then_count_keeps_its_time_of_reset(make: Make, clock: HandClock) -> None:
    limiter = make("add_then_count")
    limiter.acquire("k")
    clock.move(20)
    assert limiter.acquire("k") == Decision(False, 0, 40.0)
    clock.move(40)  # as told, and in vain: the refused request is in the set
    assert limiter.acquire("k") == Decision(False, 0, 0.0)
    clock.move(1)  # past the time of reset, which is set anew
    assert limiter.acquire("k") == Decision(False, 0, 60.0)


def test_transaction_random_member_always_tells_a_whole_window(
    make: Make, clock: HandClock
) -> None:
    limiter = make("transaction_random_member")
    limiter.acquire("k")
    clock.move(59)
    assert limiter.acquire("k") == Decision(False, 0, 60.0)


@pytest.mark.parametrize("name", own_clock_limiters())
def test_a_client_that_is_ahead_admits_too_early(
    name: str, client: redis.Redis, clock: HandClock
) -> None:
    factory: Any = resolve(name).factory
    # no_prune counts an entry of exactly one window, hence a millisecond more.
    ahead = factory(client, Quota(1, 60.0), lambda: clock() + 0.052)
    assert factory(client, Quota(1, 60.0), clock).acquire("k").allowed
    clock.move(59.95)
    assert ahead.acquire("k").allowed


@pytest.mark.parametrize("off", [0.05, -0.05], ids=["ahead", "behind"])
def test_in_process_a_clock_that_is_off_changes_nothing(off: float, clock: HandClock) -> None:
    """Who shares a log shares a process, and its clock: only differences count."""
    limiter: Any = resolve("in_process").factory
    right = limiter(redis.Redis(), Quota(2, 1.0), clock)
    wrong = limiter(redis.Redis(), Quota(2, 1.0), lambda: clock() + off)
    told = []
    for step in (0.0, 0.0, 0.0, 0.94, 0.04, 0.02, 0.0):
        clock.move(step)
        told.append(right.acquire(f"right for {off}"))
        assert wrong.acquire(f"off by {off}") == told[-1]
    assert [one.allowed for one in told] == [True, True, False, False, False, True, True]


def admitted_in_another_process(limit: int) -> int:
    limiter: Any = resolve("in_process").factory
    here = limiter(redis.Redis(), Quota(limit, 60.0), lambda: 0.0)
    return sum(here.acquire("a key of two processes").allowed for _ in range(10))


def test_in_process_admits_the_limit_in_each_process() -> None:
    with multiprocessing.get_context("spawn").Pool(2, maxtasksperchild=1) as pool:
        assert pool.map(admitted_in_another_process, [3, 3], chunksize=1) == [3, 3]


def test_in_process_shares_its_log_within_a_process(make: Make) -> None:
    assert make("in_process").acquire("shared").allowed
    assert not make("in_process").acquire("shared").allowed
    assert make("in_process").acquire("another").allowed


def test_unlimited_admits_whatever_it_costs(make: Make) -> None:
    limiter = make("unlimited")
    assert all(limiter.acquire("k", cost=100) == Decision(True) for _ in range(10))


@pytest.mark.parametrize("known", REGISTRY, ids=lambda known: known.name)
def test_promises(known: Any) -> None:
    promised = promise_of(resolve(known.name).factory, Quota(1, 1.0))
    assert type(promised) is (FixedWindow if known.family == "fixed_window" else SlidingWindow)
