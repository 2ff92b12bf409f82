"""Published packages, explored: what each is known to show, and nothing else.

The longest of them takes half a second; docs/packages.md holds the same verdicts.
"""

from __future__ import annotations

import pytest

from benchmarks import packages
from limiters.contract import Quota
from limiters.promise import FixedWindow, SlidingWindow, TokenBucket, promise_of
from limiters.registry import resolve
from limitproof.check.verdict import Verdict
from limitproof.history.outcome import Outcome
from limitproof.schedules import Granularity
from limitproof.simulate.cast import Cast
from limitproof.simulate.explore import Exploration, explore

pytestmark = pytest.mark.usefixtures("explore_on_running_servers")

CLEAN = {
    "limits:fixed": FixedWindow,
    "limits:moving": SlidingWindow,
    "limits:sliding_counter": FixedWindow,
    "limits:async_fixed": FixedWindow,
    "limits:async_moving": SlidingWindow,
    "walrus:rate_limit_lua": SlidingWindow,
    "pyrate_limiter:v4": SlidingWindow,
    "pyrate_limiter:v4_gcra": TokenBucket,
    "throttled_py:fixed": FixedWindow,
    "throttled_py:sliding": FixedWindow,
    "throttled_py:token_bucket": TokenBucket,
    "throttled_py:leaking_bucket": TokenBucket,
    "asyncio_redis_rate_limit:fixed": FixedWindow,
}
RACES = {
    ("walrus:rate_limit", 2, 1): (0, 1, 1, 1, 0, 0),
    ("walrus:rate_limit", 3, 2): (0, 0, 0, 1, 2, 2, 2, 1, 1),
    ("walrus:rate_limit_before", 2, 1): (0, 1, 1, 1, 0, 0),
    ("pyrate_limiter:v2", 2, 1): (0, 1, 1, 1, 0),
    ("pyrate_limiter:v2", 3, 2): (0, 0, 0, 1, 2, 2, 2, 1),
}
ROUNDS_BADLY = "throttled_py:gcra"
EXPIRES_BY_ITS_LIMIT = "walrus:rate_limit_lua"
TIMED = {
    "limits:moving": None,
    "limits:sliding_counter": ("false-rejection", True, (0, -1000, 1, -1999000, 2)),
    "pyrate_limiter:v4": ("overshoot", False, (0, -1000, 0, 1, -1000, 2, 2, 1)),
    "pyrate_limiter:v4_gcra": None,
    "throttled_py:fixed": None,
    "throttled_py:token_bucket": ("false-rejection", True, (0, -1000, 1, -501000, 2)),
    "throttled_py:leaking_bucket": ("false-rejection", True, (0, -1000, 1, -501000, 2)),
}
"""The check that fails when the clock moves, whether one after the other suffices, the schedule."""


def explored(
    name: str, clients: int, limit: int, granularity: Granularity = "packet"
) -> Exploration:
    target = resolve(f"limiters.adapters.{name}")
    cast = Cast(target, Quota(limit, 1.0), clients, granularity=granularity)
    return explore(cast, 30.0, lambda _: None)


@pytest.mark.parametrize("granularity", ["packet", "command"])
@pytest.mark.parametrize("name", CLEAN)
def test_clean(name: str, granularity: Granularity) -> None:
    found = explored(name, 4, 2, granularity)
    assert (found.overshoot, found.refusal, found.doubt) == (None, None, "")
    assert found.verdict(None) is Verdict.PASS
    assert {sum(one.count(Outcome.ADMITTED) for one in end) for end in found.coverage.outcomes} == {
        2
    }
    assert type(promise_of(found.cast.factory, Quota(2, 1.0))) is CLEAN[name]


@pytest.mark.parametrize(("name", "clients", "limit"), RACES)
def test_racy(name: str, clients: int, limit: int) -> None:
    found = explored(name, clients, limit)
    assert found.coverage.complete
    assert found.overshoot is not None
    assert not found.overshoot.sequential
    assert found.overshoot.schedule.choices == RACES[name, clients, limit]
    assert found.refusal is None


def test_gcra_that_rounds_badly_refuses_the_third_of_three() -> None:
    """floor(−2.0000000149) is −3; a limit of 4 has no such fraction."""
    found = explored(ROUNDS_BADLY, 4, 3)
    assert found.overshoot is None
    assert found.refusal is not None
    assert found.refusal.sequential
    assert found.refusal.schedule.choices == (0, 1, 2)
    assert explored(ROUNDS_BADLY, 5, 4).verdict(None) is Verdict.PASS


@pytest.mark.parametrize("name", TIMED)
def test_when_the_clock_moves(name: str) -> None:
    """Requests begin at least 1 ms apart, and the clock moves twice at most."""
    target = resolve(f"limiters.adapters.{name}")
    cast = Cast(target, Quota(2, 1.0), 3, moves=2, apart=1_000)
    found = explore(cast, 30.0, lambda _: None)
    assert found.doubt == ""
    assert found.coverage.complete
    finding = found.overshoot or found.refusal
    if (expected := TIMED[name]) is None:
        assert finding is None
    else:
        assert finding is not None
        assert (finding.check, finding.sequential, finding.schedule.choices) == expected


def test_the_script_of_walrus_expires_by_its_limit() -> None:
    """PEXPIRE limit · 2000: once somebody was refused, a list of one lives for two seconds."""
    target = resolve(f"limiters.adapters.{EXPIRES_BY_ITS_LIMIT}")
    cast = Cast(target, Quota(1, 10.0), 3, moves=2, apart=1_000)
    found = explore(cast, 30.0, lambda _: None)
    assert found.overshoot is not None
    assert found.overshoot.sequential
    assert found.overshoot.schedule.choices == (0, -1000, 1, -2001000, 2)


def test_the_list_of_walrus_before_may_end_between_two_commands() -> None:
    target = resolve("limiters.adapters.walrus:rate_limit_before")
    found = explore(Cast(target, Quota(1, 1.0), 2, moves=1), 30.0, lambda _: None, further=True)
    assert found.error is not None
    assert not found.error.sequential
    assert "expired, then B read (LINDEX): B was answered with TypeError" in found.error.because
    assert found.timed is not None
    assert (found.timed.erring, found.timed.schedules) == (4, 650)


def test_a_bucket_that_counts_whole_seconds_gives_two_tokens_within_a_millisecond() -> None:
    target = resolve("limiters.adapters.throttled_py:token_bucket")
    found = explore(Cast(target, Quota(1, 1.0), 1, 3, moves=2), 30.0, lambda _: None)
    assert found.overshoot is not None
    assert found.overshoot.sequential
    assert found.overshoot.schedule.choices == (-999_000, 0, -1_000, 0)


def test_the_document_says_the_same() -> None:
    lines = packages.DOCUMENT.read_text(encoding="utf-8").splitlines()
    still, timed = {}, {}
    for line in lines[lines.index(packages.BEGIN) + 3 : lines.index(packages.END)]:
        _, name, _, one, other, *_ = (cell.strip(" `") for cell in line.strip("|").split(" | "))
        still[name], timed[name] = one, other
    race, refusal = "**fail**: overshoot (race)", "**fail**: false-rejection (algorithm)"
    races = dict.fromkeys((name for name, _, _ in RACES), race)
    assert still == {**dict.fromkeys(CLEAN, "pass"), **races, ROUNDS_BADLY: refusal}
    failing = {
        name: race if each[0] == "overshoot" else refusal for name, each in TIMED.items() if each
    }
    failing[EXPIRES_BY_ITS_LIMIT] = "**fail**: overshoot (algorithm)"
    assert timed == {**dict.fromkeys(still, "pass"), **races, **failing}


def test_every_adapter_is_explored_here() -> None:
    known = {target for each in packages.targets().values() for target in each}
    names = {*CLEAN, *(name for name, _, _ in RACES), ROUNDS_BADLY}
    assert known == {f"limiters.adapters.{name}" for name in names}


def test_a_row_is_what_was_found() -> None:
    row = packages.row("walrus-0.9.8", "limiters.adapters.walrus:rate_limit", ((2, 1),), ())
    assert row.asks == "LLEN, LPUSH, PEXPIRE; refused: LLEN, LINDEX, LTRIM, PEXPIRE"
    assert (row.verdict, row.timed) == ("**fail**: overshoot (race)", "unknown")
    assert row.example == "A LLEN · B LLEN, LPUSH, PEXPIRE · A LPUSH, PEXPIRE"
    assert row.command.endswith("limiters.adapters.walrus:rate_limit --clients 2 --limit 1")
