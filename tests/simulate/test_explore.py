"""What an exploration concludes, and when it does not."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from limitproof.check.verdict import Verdict
from limitproof.servers.errors import ServerError
from limitproof.simulate.explore import Exploration, explore
from limitproof.simulate.search.complete import Complete
from limitproof.simulate.search.coverage import Progress, StoppedError
from limitproof.simulate.search.pct import chance, pct
from limitproof.simulate.world import World
from tests.simulate.casts import OpenWorld, cast, silent

pytestmark = pytest.mark.usefixtures("explore_on_running_servers")

HOLDING = "tests.simulate.holding:"


def explored(target: str, clients: int = 3, limit: int = 1, **more: Any) -> Exploration:
    return explore(cast(target, clients, limit, **more), 20.0, silent)


def test_a_clean_limiter_passes_completely() -> None:
    found = explored("lua_atomic", 4, 2)
    assert found.verdict(found.overshoot) is Verdict.PASS
    assert found.coverage.sentence == "all 5 states, which stand for 24 schedules"


def test_a_race_is_confirmed_and_told() -> None:
    found = explored("get_set_json", 4)
    assert found.overshoot is not None
    assert found.worst is not None
    assert found.verdict(found.overshoot) is Verdict.FAIL
    assert found.overshoot.because == (
        "A and B both read (GET) before either wrote (SETEX): 2 were admitted for a limit of 1"
    )
    assert not found.overshoot.sequential
    assert found.worst.measure == 3


def test_what_happens_without_a_race_is_said_to() -> None:
    for target in ("lua_same_millisecond", "unlimited", "pipeline_cleanup_steals"):
        found = explored(target)
        assert found.overshoot is not None
        assert found.overshoot.sequential, target
        assert "one client after the other" in found.overshoot.because


@pytest.mark.parametrize(
    ("target", "limit", "because"),
    [
        (
            "fixed_window_setex", 2,
            "A read (INCR), then B wrote (INCR), then A wrote over it (SETEX): "
            "3 were admitted for a limit of 2",
        ),
        (
            "no_prune", 1,
            "A and B both read (ZRANGEBYSCORE) before either wrote (ZADD): "
            "2 were admitted for a limit of 1",
        ),
        (
            "CountThenAdd", 1,
            "A and B both read (ZCARD) before either wrote (ZADD): "
            "2 were admitted for a limit of 1",
        ),
    ],
)  # fmt: skip
def test_because(target: str, limit: int, because: str) -> None:
    found = explored(target, 3, limit)
    assert found.overshoot is not None
    assert found.overshoot.because == because


def test_two_clients_refuse_each_other() -> None:
    found = explored("add_then_count", 2)
    assert found.overshoot is None
    assert found.refusal is not None
    assert found.refusal.because == (
        "A and B both wrote (ZADD) before either counted (ZCARD), and refused each other: "
        "nobody was admitted for a limit of 1"
    )
    assert not found.refusal.sequential


def test_one_place_too_few_is_no_race() -> None:
    found = explored("fixed_window_off_by_one", 2)
    assert found.refusal is not None
    assert found.refusal.sequential


def test_a_fixed_window_is_held_to_its_own_limit() -> None:
    found = explored("fixed_window", 4, 2)
    assert (found.limit, found.verdict(found.overshoot)) == (2, Verdict.PASS)


@pytest.mark.parametrize(
    ("target", "doubt"),
    [
        ("Different", "not deterministic"),
        ("Raises", "the limiter raised"),
        ("PromisesMuch", "it promises 100 at once, which 3 requests never exceed"),
        ("DrawsLate", "random numbers in some schedules only"),
        ("in_process", "its state is in the process"),
    ],
)
def test_in_doubt_it_is_unknown(target: str, doubt: str) -> None:
    found = explored(target)
    assert doubt in found.doubt
    assert found.verdict(found.overshoot) is Verdict.UNKNOWN


def test_watch_is_searched_by_runs_and_may_pass() -> None:
    found = explored("Watching", 3, 2)
    assert found.coverage.sentence == (
        "115 schedules up to the order of independent steps, all others end the same "
        "(source-set DPOR, because WATCH leaves its mark on the connection, not in the keys)"
    )
    assert found.verdict(found.overshoot) is Verdict.PASS


def test_a_watch_that_comes_too_late_is_found() -> None:
    found = explored("WatchesTooLate", 2)
    assert found.overshoot is not None
    assert (len(found.overshoot.run.steps), found.overshoot.run.switches) == (6, 2)
    assert not found.overshoot.sequential
    assert found.coverage.unit == "representatives"


def test_past_the_budget_runs_are_walked_and_never_pass() -> None:
    found = explore(cast("Watching", 4, 3), 0.3, silent)
    assert found.doubt.startswith("stopped after ")
    assert "(source-set DPOR, because WATCH leaves its mark" in found.doubt
    assert "with a probability of" in found.coverage.sentence
    assert found.verdict(found.overshoot) is Verdict.UNKNOWN
    assert found.unfinished


def test_what_is_stopped_from_outside_did_not_run_out_of_time() -> None:
    def stop(_progress: Progress) -> None:
        raise StoppedError("stopped after lunch")

    found = explore(cast("no_prune", 6, 1), 60.0, stop)
    assert found.doubt == "stopped after lunch"
    assert not found.unfinished


def test_past_the_budget_it_is_unknown_or_found() -> None:
    found = explore(cast("lua_atomic", 9), 0.0, silent)
    assert not found.coverage.complete or found.coverage.states < 300


def test_two_explorations_are_equal() -> None:
    one, other = explored("no_prune"), explored("no_prune")
    assert one.overshoot == other.overshoot
    assert one.coverage == other.coverage


def test_a_search_that_misses_states_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a limiter whose future is no function of its replies would make it."""
    whole = Complete.search

    def cut(self: Complete, *arguments: Any) -> Any:
        found = whole(self, *arguments)
        return type(found)(found.strategy, complete=True, outcomes=frozenset())

    monkeypatch.setattr(Complete, "search", cut)
    found = explored("get_set_json")
    assert "states are not all" in found.doubt
    assert found.verdict(found.overshoot) is Verdict.UNKNOWN


def test_pct_finds_the_race_and_tells_its_chance(world_of: OpenWorld) -> None:
    with world_of(cast("get_set_json", 3)) as world:
        found = pct(3, 6, 2, most=200).search(world, 1, 30.0, silent)
    assert found.first is not None
    assert not found.complete
    assert chance(3, 6, 2, 0) == 0
    assert chance(3, 6, 2, 200) > 0.99


def test_a_dead_server_is_an_error_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def dies(self: World, *_: Any) -> Any:
        self.wire.shutdown(2)
        return self.send(b"*1\r\n$4\r\nPING\r\n", 1)

    monkeypatch.setattr(World, "trace", dies)
    with pytest.raises(ServerError):
        explored("get_set_json")


def test_after_one_instant_the_clock_moves() -> None:
    found = explored("lua_atomic", 3, moves=2)
    assert found.coverage.sentence == "all 4 states, which stand for 6 schedules"
    assert found.beyond == (
        "all 84 states with at most 2 moves of the clock, which stand for 216 schedules"
    )
    assert found.moves == 2
    assert found.verdict(found.overshoot) is Verdict.PASS


def test_what_fails_at_one_instant_comes_first() -> None:
    found = explored("get_set_json", 2, moves=1)
    assert found.beyond == "the clock did not move: what fails at one instant comes first"
    assert (found.timed, found.moves) == (None, 0)


def test_a_key_that_ends_between_two_commands() -> None:
    found = explore(cast("ExpiresBetween", 1, requests=3, moves=2), 100.0, silent)
    assert found.overshoot is None
    assert found.refusal is not None
    assert found.refusal.because == (
        "A read (EXISTS), then k expired, then A wrote (INCRBY); "
        "A was refused, though nobody was admitted within 1 s before"
    )
    assert not found.refusal.sequential
    assert found.timed is not None
    assert 0 < found.timed.refusing < found.timed.schedules


def test_an_error_that_needs_an_expiry_is_a_race() -> None:
    found = explore(cast("ListOfInstants", moves=1), 20.0, silent, further=True)
    assert found.error is not None
    assert found.verdict(found.error) is Verdict.FAIL
    assert found.error.because.startswith(
        "B read (LLEN), then k expired, then B read (LINDEX): B was answered with TypeError"
    )
    assert not found.error.sequential


def test_an_error_without_a_race_is_no_race() -> None:
    found = explored("Raises")
    assert found.error is not None
    assert found.error.sequential
    assert re.fullmatch(
        r"B was answered with RuntimeError: no place left \(tests/simulate/specimens.py:\d+\), "
        r"one client after the other",
        found.error.because,
    )


def test_a_limiter_that_sleeps_moves_the_clock() -> None:
    found = explored("SleepsAndCounts", 2)
    assert found.verdict(found.overshoot) is Verdict.PASS
    assert found.coverage.schedules == 6
    assert found.order_verdict is Verdict.UNKNOWN, "its orders end at different instants"


def test_where_two_windows_of_the_calendar_meet() -> None:
    """A limit of 1 shows it only if the first request comes late in its window."""
    sliding = cast("CountsByTheCalendar", 2, moves=2)
    found = explore(sliding, 20.0, silent)
    assert found.overshoot is not None
    assert found.overshoot.schedule.choices == (-999_000, 0, -1_000, 1)
    assert explore(replace(sliding, promise="FixedWindow"), 20.0, silent).overshoot is None


def test_requests_that_never_begin_together() -> None:
    found = explored("get_set_json", 2, moves=1, apart=900_000)
    assert found.overshoot is not None
    assert found.overshoot.schedule.choices == (0, -900_000, 1, 1, 0)
    step = found.overshoot.run.steps[1]
    assert (step.client, step.moved, step.at, step.commands) == (-1, 900_000, 900_000, ())
    assert "requests at least 900 ms apart" in found.coverage.sentence
    assert "sleeps" not in found.coverage.sentence


def test_too_few_moves_for_all_requests_pass_nothing() -> None:
    found = explored("lua_atomic", 3, moves=1, apart=1_000)
    assert "not all requests can begin" in found.doubt
    assert found.verdict(found.overshoot) is Verdict.UNKNOWN


def test_without_time_the_clock_does_not_move() -> None:
    found = explore(cast("lua_atomic", moves=1), 1e-6, silent)
    assert found.beyond == "the clock did not move: the time was over"
    assert found.verdict(found.overshoot) is Verdict.PASS


def test_a_search_stopped_between_two_levels_says_how_far_it_came(
    moving_world_of: OpenWorld,
) -> None:
    with moving_world_of(cast("no_prune", 3)) as world:
        found = Complete(3).search(world, 1, 0.5, silent)
    assert not found.complete
    assert found.moves < 3
    assert "stopped after 0.5 s" in found.sentence


def test_two_explorations_in_time_are_equal() -> None:
    one, other = (explored("transaction_random_member", 2, moves=1) for _ in "ab")
    assert one.timed == other.timed
    assert one.refusal == other.refusal


def test_what_is_refused_only_as_the_clock_moves_passes_one_instant() -> None:
    found = explored("BlocksLater", 2, moves=1)
    assert found.verdict(found.overshoot) is Verdict.PASS
    assert found.moves == 0
    assert found.beyond == (
        "where the clock moves: not simulated: it waits inside the server (BLPOP)"
    )


def test_watch_is_looked_at_by_runs_as_the_clock_moves() -> None:
    found = explored("Watching", 2, moves=1)
    assert found.verdict(found.overshoot) is Verdict.PASS
    assert found.moves == 1
    assert found.beyond.startswith("154 schedules with one move of the clock up to the order of")
    assert "(source-set DPOR, because WATCH" in found.beyond


def test_a_race_of_a_watcher_that_takes_an_expiry_is_found() -> None:
    """B and C both find a window in its last instant, and both begin the next one."""

    def enough(progress: Progress) -> None:
        if progress.schedules >= 256:  # of some 4,000
            raise StoppedError("that is enough")

    found = explore(cast(HOLDING + "WatchesOnlyWhatIsThere", 3, moves=1), 60.0, enough)
    assert found.coverage.complete
    assert found.verdict(found.overshoot) is Verdict.FAIL
    assert found.overshoot is not None
    (moved,) = (one for one in found.overshoot.schedule.choices if one < 0)
    assert moved <= -1_000_000
    assert not found.overshoot.sequential


def test_who_watches_and_sleeps_is_looked_at_by_runs() -> None:
    found = explored("WatchesAndSleeps", 2, moves=1)
    assert found.verdict(found.overshoot) is Verdict.PASS
    assert found.moves == 1
    assert found.order_verdict is Verdict.UNKNOWN
    assert "not all ends were compared" in found.coverage.sentence


def test_who_waits_for_a_lock_is_not_accused_of_its_instants() -> None:
    """Who waits ends later than in any order: its key ends later, too."""
    found = explored(HOLDING + "LocksAndSleeps", 2)
    assert (found.disorder, found.doubt) == (None, "")
    assert found.order_verdict is Verdict.UNKNOWN
    assert "not all ends were compared" in found.coverage.sentence


def test_apart_and_watching_is_not_looked_at() -> None:
    found = explored("Watching", 2, moves=1, apart=1_000)
    assert found.doubt.startswith("the clock did not move: WATCH")
    assert found.verdict(found.overshoot) is Verdict.UNKNOWN


@pytest.mark.parametrize("target", ["Watching", "watch_multi", HOLDING + "WatchesAndNames"])
def test_the_ends_of_who_watches_are_those_of_orders(target: str) -> None:
    """Also where a request that has lost a race draws another name for its next try."""
    found = explored(target, 2)
    assert found.disorder is None
    assert found.order_verdict is Verdict.PASS


def test_an_end_of_who_watches_that_no_order_has() -> None:
    found = explored("WatchesTooLate", 2)
    assert found.disorder is not None
    assert found.order_verdict is Verdict.FAIL
    assert found.disorder.because == (
        "A and B both read (GET) before either wrote (pipeline of 3): "
        "no order of the requests, one after the other, ends so (A admitted; B admitted; k = 1 "
        "(1000 ms))"
    )
    assert found.coverage.disordered > 0


def test_the_worst_is_no_race_either_where_none_is_needed() -> None:
    found = explored("lua_same_millisecond", 3)
    assert found.overshoot is not None
    assert found.worst is not None
    assert (found.overshoot.measure, found.worst.measure) == (1, 2)
    assert found.overshoot.sequential
    assert found.worst.sequential
