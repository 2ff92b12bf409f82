"""What is right in an unusual way is not accused; next to each, the fault that it looks like."""

from __future__ import annotations

from pathlib import Path

import pytest

from limiters.contract import Quota
from limiters.registry import resolve
from limitproof.check.verdict import Verdict
from limitproof.servers.virtual import VirtualServer
from limitproof.verify.apart import asked_apart, judged_apart
from limitproof.verify.contract import CONTRACT
from limitproof.verify.experiments.catalogue import EXPERIMENTS
from limitproof.verify.laboratory import Laboratory, Subject
from limitproof.verify.searches.directed import sequential
from limitproof.verify.searches.habits import Habits, habits_of
from limitproof.verify.searches.races import patterns, race
from limitproof.verify.searches.stage import Stage, Tally

pytestmark = pytest.mark.usefixtures("fewer_windows")
CHECKS = {check.name: check for check in EXPERIMENTS}
HERE = "tests.verify.experiments"
BUCKETS = ("buckets:DeepBucket", "buckets:ShallowBucket")
"""Who sends again pays again, as with any bucket."""


def laboratory(name: str, server: VirtualServer, quota: Quota) -> Laboratory:
    return Laboratory(Subject(resolve(f"{HERE}.{name}"), quota), server, 10_000.0)


@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("awkward:Leased", "crash"),
        ("awkward:Leased", "lost-reply"),
        ("awkward:Fields", "memory"),
        ("awkward:Fields", "expiry"),
        ("awkward:KeptAMinuteMore", "memory"),
        ("awkward:DailyAsWell", "expiry"),
        ("awkward:DailyAsWell", "memory"),
        ("awkward:MonthlyAsWell", "expiry"),
        *(("costly:Costly", name) for name in CHECKS),
        *((bucket, name) for bucket in BUCKETS for name in CHECKS if name != "lost-reply"),
    ],
)
def test_who_is_right_is_not_accused(moving_server: VirtualServer, name: str, check: str) -> None:
    result = CHECKS[check].examine(laboratory(name, moving_server, Quota(4, 1.0))).result
    assert result.verdict is Verdict.PASS, result.because


@pytest.mark.parametrize(
    ("name", "check", "why"),
    [
        ("awkward:LockedForGood", "crash", "without a TTL: it never expires"),
        ("awkward:LockedForGood", "lost-reply", "and it waits without end"),
        ("awkward:FieldsAndATotal", "expiry", "'k' is left without a TTL after a request"),
        ("awkward:FieldsAndATotal", "memory", "it grows for good: from 2 to 9 entries"),
        ("awkward:KeptAMinuteMore", "expiry", "'k' is kept for 61 s, where a window is 1 s"),
        ("buckets:DeepBucketKept", "expiry", "s, where a bucket is filled in 10 s"),
        ("awkward:PutOffForEver", "memory", "it grows for good: from"),
        ("awkward:OneLogATenant", "isolation", "of key 't:user:2'"),
        ("costly:CostlyWithoutEnd", "expiry", "'k' is left without a TTL after a request"),
        ("costly:CostlyWithoutEnd", "memory", "it grows for good: from 2 to 16 entries"),
        *((bucket, "lost-reply", "2 places are gone for one") for bucket in BUCKETS),
        ("costly:CostlyAudit", "memory", "it grows for good"),
        (
            "costly:CostlyRefusals",
            "memory",
            "refused requests are stored, too: 2 requests in a window are 3",
        ),
        (
            "costly:TooCostlyElsewhere",
            "cluster",
            "a script touches 'never' and does not declare it",
        ),
        ("costly:CostlyAudit", "cluster", "a script touches 'audit' and does not declare it"),
        (
            "costly:CostlyInTwoSteps",
            "crash",
            "a client dies after 1 step and leaves 'k' without a TTL",
        ),
        ("costly:CostlyByItsOwnClock", "clock-skew", "with its clock 50 ms ahead"),
        ("costly:CostlyTwice", "lost-reply", "4 places are gone for one of cost 2"),
        ("costly:CostlyByName", "script-flush", "raises NoScriptError"),
        ("costly:CostlyFolded", "isolation", "of key 'a:1'"),
        (
            "awkward:OpenForOddKeys",
            "isolation",
            "is not limited as key 'a' is: 3 requests admitted",
        ),
        (
            "awkward:RefusedElsewhere",
            "cluster",
            "a script touches 'banuser:7' and does not declare it",
        ),
    ],
)
def test_the_fault_next_to_it_is_found(
    moving_server: VirtualServer, name: str, check: str, why: str
) -> None:
    result = CHECKS[check].examine(laboratory(name, moving_server, Quota(4, 1.0))).result
    assert result.verdict is Verdict.FAIL
    assert why in result.because


def test_a_ttl_below_a_second_is_looked_for_where_nothing_is_kept(
    moving_server: VirtualServer,
) -> None:
    examined = CHECKS["expiry"].examine(
        laboratory("awkward:CutToSeconds", moving_server, Quota(4, 0.5))
    )
    assert examined.result.verdict is Verdict.FAIL
    assert "what is stored is gone " in examined.result.because


def test_what_fails_once_and_not_again_is_told_and_unknown(moving_server: VirtualServer) -> None:
    result = CONTRACT.examine(laboratory("awkward:TiresSoon", moving_server, Quota(4, 1.0))).result
    assert result.verdict is Verdict.UNKNOWN
    assert "None, which is no Decision" in result.because
    assert result.because.endswith("but that story went differently when it was played once more")


@pytest.mark.parametrize(
    ("target", "fails"), [(f"{HERE}.awkward:DenyCache", False), ("in_process", True)]
)
def test_two_processes_share_one_redis(
    moving_server: VirtualServer, target: str, fails: bool
) -> None:
    assert moving_server
    subject = Subject(resolve(target), Quota(4, 1.0))
    found = judged_apart(subject, ("overshoot",), asked_apart(subject, None))
    expected = Verdict.FAIL if fails else Verdict.UNKNOWN
    assert found["overshoot"].result.verdict is expected, found["overshoot"].result.because


@pytest.mark.parametrize(
    ("name", "found"), [("awkward:TurnsWithTheHour", {"overshoot"}), ("awkward:_Log", set())]
)
def test_a_story_goes_across_a_full_hour(
    moving_server: VirtualServer, name: str, found: set[str]
) -> None:
    where = laboratory(name, moving_server, Quota(4, 1.0))
    with where.world() as world:
        stage = Stage(where, world, where.quota, "packet", {"overshoot"}, Tally())
        for direct in list(sequential(stage.limit, stage.window, takes_cost=False))[-2:]:
            stage.try_out(direct)
        assert set(stage.found) == found


def test_a_race_of_requests_with_a_cost(moving_server: VirtualServer) -> None:
    """Two read before either writes; with a cost of 1 there is one step, and no race."""
    for name, expected in (("costly:CostlyRace", {"overshoot"}), ("costly:Costly", set())):
        where = laboratory(name, moving_server, Quota(6, 1.0))
        with where.world() as world:
            stage = Stage(where, world, where.quota, "packet", {"overshoot"}, Tally())
            assert habits_of(stage) == Habits(1, splits=False, takes_cost=True)
            costly = habits_of(stage, 2).steps
            assert costly == (3 if expected else 1)
            for pattern in patterns(3, stage.window, costly):
                stage.try_out(race(pattern, 3, stage.window, 2))
            assert set(stage.found) == expected


@pytest.mark.parametrize(
    "fold",
    [
        "key.encode('ascii', 'replace').decode()",
        "key.encode('latin-1', 'ignore').decode('latin-1')",
        "key.strip()",
        "str(int(key)) if key.isdigit() else key",
        "key or 'default'",
        "key.replace('_', '-')",
        *(f"key.split({mark!r})[0]" for mark in "@-,;#"),
    ],
)
def test_names_that_are_folded_together_are_found(
    fold: str, tmp_path: Path, moving_server: VirtualServer
) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        f"from {HERE}.awkward import _Log\n"
        "class Mine(_Log):\n"
        f"    def acquire(self, key): return super().acquire({fold})\n"
    )
    subject = Subject(resolve(f"{file}:Mine"), Quota(4, 1.0))
    result = CHECKS["isolation"].examine(Laboratory(subject, moving_server, 10_000.0)).result
    assert result.verdict is Verdict.FAIL
