"""What would make a search lie: each limiter here did, or would without what is tested."""

from __future__ import annotations

import gc
import re
import uuid
from typing import Any

import pytest

from limitproof.check.verdict import Verdict
from limitproof.servers.virtual import START
from limitproof.simulate.explore import Exploration, explore
from limitproof.simulate.refusal import why_uncacheable
from limitproof.simulate.resp import pack
from limitproof.simulate.sandbox import SINCE_1582
from limitproof.simulate.search.complete import Complete
from limitproof.simulate.search.ends import end_of
from limitproof.simulate.search.names import Names
from tests.simulate.casts import OpenWorld, cast, silent
from tests.simulate.enumerate import enumerate_all

pytestmark = pytest.mark.usefixtures("explore_on_running_servers")


def explored(target: str, clients: int = 3, limit: int = 1, **more: Any) -> Exploration:
    return explore(cast(f"tests.simulate.tricky:{target}", clients, limit, **more), 20.0, silent)


def test_a_bare_except_does_not_hide_that_it_sleeps() -> None:
    found = explored("FailsOpenOnAnything")
    assert found.verdict(found.overshoot) is Verdict.PASS
    assert "schedules" in found.coverage.sentence


def test_what_catches_its_own_end_is_not_simulated() -> None:
    found = explored("CannotBeEnded")
    assert "it cannot be ended: it catches every exception, and goes on" in found.doubt
    assert found.verdict(found.overshoot) is Verdict.UNKNOWN


def test_what_one_run_leaves_in_the_process_is_not_held_against_it() -> None:
    """Else nobody would be admitted after the rehearsal."""
    found = explored("RemembersRefusals")
    assert "its state is in the process" in found.doubt
    assert found.refusal is None


def test_the_order_of_fields_and_members_is_no_end() -> None:
    found = explored("Registers", 2)
    assert found.disorder is None
    assert found.order_verdict is Verdict.PASS


@pytest.mark.parametrize("target", ["Ranks", "DrawsItsWay", "Registers"])
@pytest.mark.parametrize("seed", range(3))
def test_whose_name_it_is_may_matter(world_of: OpenWorld, target: str, seed: int) -> None:
    """Clients are taken for one another only where that makes no difference."""
    played = cast(f"tests.simulate.tricky:{target}", 2 if target == "Registers" else 3, seed=seed)
    with world_of(played) as world:
        found = Complete().search(world, 1, 30.0, silent)
        real = enumerate_all(world, 1)
    assert (found.schedules, found.overshooting) == (real.schedules, real.overshooting)
    assert found.outcomes == real.outcomes
    assert (found.worst.measure if found.worst else 0) == real.worst


def test_what_other_random_numbers_would_do_is_no_pass() -> None:
    found = explored("ForgetsAtTimes", 2)
    assert "hangs on random numbers" in found.doubt
    assert found.verdict(found.overshoot) is not Verdict.PASS


def clocked(target: str, clients: int = 2, **more: Any) -> Exploration:
    played = cast(f"tests.simulate.clocks:{target}", clients, **more)
    return explore(played, 20.0, silent, further=True)


def test_who_refuses_for_a_while_by_a_clock_of_its_own_is_not_accused() -> None:
    """By the real perf_counter, no time passes while the window does."""
    found = clocked("RefusesForAWhile", 1, requests=3, moves=2)
    assert (found.overshoot, found.refusal, found.doubt) == (None, None, "")
    assert found.moves == 2


def test_a_sleep_by_another_name_moves_the_clock() -> None:
    found = clocked("SleepsByName")
    assert found.doubt == ""
    assert found.verdict(found.overshoot) is Verdict.PASS
    assert "schedules" in found.coverage.sentence


@pytest.mark.parametrize(
    "target", ["NamedByProcess", "NamedByBoundProcess", "NamedByNumberAlone", "NamedByTimeAndNode"]
)
def test_each_client_is_a_process_of_its_own(target: str) -> None:
    """In one process for all, two members would be one, and both would be admitted."""
    found = clocked(target, 3)
    assert (found.overshoot, found.doubt) == (None, "")
    assert found.verdict(found.overshoot) is Verdict.PASS


def test_one_uuid1_follows_on_another(world_of: OpenWorld) -> None:
    """Of the instant, of version 1, and the same in every run."""
    with world_of(cast("tests.simulate.clocks:NamedByTimeAndNode", 2, requests=2)) as world:
        runs = [world.trace(lambda enabled: enabled[0]).packets for _ in "ab"]
    assert runs[0] == runs[1]
    drawn = re.findall(rb"-([0-9a-f]{32})\r", b"".join(runs[0]))
    found = [uuid.UUID(one.decode()) for one in drawn]
    assert len(set(found)) == 4
    assert {one.version for one in found} == {1}
    assert {one.time for one in found} == {(START * 10) + SINCE_1582}


SIDE_BY_SIDE = "it has asyncio tasks side by side in one request, and one order of them was tried"


@pytest.mark.parametrize("target", ["AsyncCounts", "OneTaskAtATime", "WaitsWithPatience"])
def test_one_task_after_the_other_is_looked_through(target: str) -> None:
    found = explored(target, 2)
    assert found.doubt == ""
    assert found.verdict(found.overshoot) is Verdict.PASS


@pytest.mark.parametrize("target", ["Gathers", "LeavesATask", "SleepsBeside"])
def test_tasks_side_by_side_pass_nothing(target: str) -> None:
    """Of their orders, the world tries one."""
    found = explored(target, 2)
    assert found.overshoot is None
    assert found.doubt == SIDE_BY_SIDE
    assert found.verdict(found.overshoot) is Verdict.UNKNOWN


def test_ending_a_client_with_tasks_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """asyncio logs what nobody has looked at: here it is we who end the tasks."""
    explored("SleepsBeside", 2)
    gc.collect()
    assert not caplog.records


def test_what_fails_with_tasks_side_by_side_fails_all_the_same() -> None:
    found = explored("GathersAndRaces", 2)
    assert found.doubt == SIDE_BY_SIDE
    assert found.verdict(found.overshoot) is Verdict.FAIL


def test_a_field_that_ends_by_itself_is_a_moment_and_part_of_the_state(
    moving_world_of: OpenWorld,
) -> None:
    played = cast("tests.simulate.tricky:CountsFields", 2, moves=1)
    with moving_world_of(played) as world:
        found = Complete(1).search(world, 1, 60.0, silent)
        real = enumerate_all(world, 1, 1)
    assert found.schedules == real.schedules
    assert found.outcomes == real.outcomes
    assert {len(set(sum(end, ()))) for end in found.outcomes} == {1, 2}, "both, or one of them"


def test_when_fields_end_belongs_to_an_end(world_of: OpenWorld) -> None:
    """With names in it, too: then a state is not compared byte by byte."""
    ends = []
    with world_of(cast("get_set_json")) as world:
        for far in (1_000, 1_000, 2_000):
            at = START // 1_000 + far
            world.reset()
            world.send(pack("HSET", "k", "abcdefgh", "1", "stays", "2"), 1)
            world.send(pack("HPEXPIREAT", "k", at, "FIELDS", 1, "abcdefgh"), 1)
            keys = world.snapshot()
            assert keys.entries[0].fields == ((b"abcdefgh", at),)
            assert keys.entries[0].every_end == (-1, at)
            ends.append(end_of((), keys, Names()))
    assert ends[0] == ends[1] != ends[2]


@pytest.mark.parametrize(
    ("commands", "why"),
    [
        ("OBJECT IDLETIME k", "OBJECT IDLETIME tells of a key's past"),
        ("object freq k", "OBJECT FREQ tells of a key's past"),
        ("MEMORY USAGE k", "MEMORY USAGE tells of a key's past"),
        ("INFO", "INFO tells of the server"),
        ("OBJECT HELP", ""),
        ("GET k", ""),
        ("MULTI|OBJECT IDLETIME k|EXEC", "OBJECT IDLETIME tells of a key's past"),
    ],
)
def test_what_no_snapshot_holds_is_not_cached(commands: str, why: str) -> None:
    told = why_uncacheable([one.encode().split() for one in commands.split("|")])
    assert told.startswith(why)
    assert bool(told) == bool(why)


def test_who_reads_idle_times_is_searched_by_runs() -> None:
    found = explored("ForgetsIdleKeys", 2)
    assert "because OBJECT IDLETIME tells of a key's past" in found.coverage.sentence
    assert found.verdict(found.overshoot) is Verdict.PASS


def test_who_draws_by_uuid_is_no_pass() -> None:
    found = explored("DrawsByUuid", 2)
    assert found.coverage.complete
    assert found.doubt == "what it does hangs on random numbers, and only some were tried"


@pytest.mark.parametrize(
    ("target", "raises"),
    [
        ("RaisesGreenletExit", "GreenletExit"),
        ("SleepsForLess", "ValueError: sleep length must be non-negative, not -0.002"),
        ("SleepsForAges", "OverflowError: timestamp too large"),
    ],
)
def test_what_raises_in_production_raises_here(target: str, raises: str) -> None:
    found = explored(target, 2)
    assert found.error is not None
    assert raises in found.error.because


def test_a_refusal_in_vain_is_shown_without_those_who_come_later() -> None:
    """GETSET without an end: B is refused when a window has passed, whoever else there is."""
    for clients in (2, 4):
        found = explored("TakesForEver", clients, moves=1)
        assert found.refusal is not None
        assert found.refusal.schedule.choices == (0, -1_001_000, 1)
