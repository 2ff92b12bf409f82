"""The committed run of all reference limiters: judged again, and holding what the README says.

How it was made is told in results/reference/README.md.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from limiters.promise import SlidingWindow
from limiters.registry import REGISTRY
from limitproof.check.judge import judge
from limitproof.check.judgement_json import judgement_to_json
from limitproof.check.verdict import Judgement, Verdict
from limitproof.events import LimiterJudged
from limitproof.expectations import judged_against_known
from limitproof.history import storage
from limitproof.history.columns import History
from limitproof.saved import find_saved

REFERENCE = Path(__file__).parents[2] / "results" / "reference"
RUN = REFERENCE / "run"
NAMES = [entry.name for entry in REGISTRY]


@cache
def known(name: str) -> LimiterJudged:
    """Its load and its explorations, judged together."""
    (saved,) = find_saved(RUN / name)
    return judged_against_known(saved.history, saved.folder, saved.explored)


def history(name: str) -> History:
    return known(name).history


def judged(name: str) -> Judgement:
    return known(name).judgement


def measured(name: str, check: str) -> dict[str, Any]:
    found = judged(name).check(check)
    assert found is not None
    return dict(found.measured)


def failed(name: str) -> dict[str, str | None]:
    """The checks that a limiter fails, with their causes."""
    return {
        check.name: check.cause.value if check.cause else None
        for check in judged(name).checks
        if check.verdict is Verdict.FAIL
    }


def test_all_families_and_specimens_are_in_it() -> None:
    assert {path.parent.name for path in RUN.glob("*/history.npz")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_judging_again_gives_the_same_verdict(name: str) -> None:
    stored = json.loads((RUN / name / "verdict.json").read_text())
    assert json.loads(json.dumps(judgement_to_json(judged(name)))) == stored


@pytest.mark.parametrize("name", NAMES)
def test_each_limiter_fails_what_is_known_of_it_and_nothing_else(name: str) -> None:
    assert known(name).surprises == ()
    assert known(name).missed == ""


@pytest.mark.parametrize("name", NAMES)
def test_several_processes_took_part(name: str) -> None:
    operations = history(name).operations
    assert set(operations.process) == {0, 1}
    assert len(set(operations.client)) == 16


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("get_set_json", "race"),
        ("in_process", "algorithm"),
        ("unlimited", "algorithm"),
        ("lua_same_millisecond", "algorithm"),
        ("pipeline_cleanup_steals", "algorithm"),
    ],
)
def test_these_overshoot(name: str, cause: str) -> None:
    assert failed(name)["overshoot"] == cause


def test_in_process_admits_about_processes_times_the_limit() -> None:
    limit = history("in_process").meta.limit
    assert measured("in_process", "overshoot")["peak"] == 2 * limit


def test_a_fixed_window_admits_up_to_twice_the_limit_at_its_edge() -> None:
    whole = history("fixed_window")
    edge = whole.of_scenario("window_edge")
    sliding = SlidingWindow(whole.meta.limit, whole.meta.window)
    told = judge(edge, sliding, names=["overshoot"]).check("overshoot")
    assert told is not None
    assert told.verdict is Verdict.FAIL
    assert told.cause is not None
    assert told.cause.value == "algorithm"
    assert 1.5 * whole.meta.limit < told.measured["peak"] <= 2 * whole.meta.limit
    assert failed("fixed_window") == {}


@pytest.mark.parametrize("name", ["no_prune", "lua_sequence_leak"])
def test_leaks_have_a_positive_slope_and_a_day(name: str) -> None:
    found = measured(name, "memory")
    assert failed(name)["memory"] == "algorithm"
    assert found["bytes_per_request"] > 0
    assert found["full_1gb_at"]


@pytest.mark.parametrize("name", ["lua_atomic", "pipeline"])
def test_bounded_memory_is_not_accused(name: str) -> None:
    check = judged(name).check("memory")
    assert check is not None
    assert check.verdict is Verdict.PASS


def test_only_the_pipeline_without_cleanup_haunts_the_calm() -> None:
    def calm(name: str) -> Verdict:
        part = history(name).of_scenario("hammer_then_calm")
        check = judge(part, names=["contamination"]).check("contamination")
        assert check is not None
        return check.verdict

    assert calm("pipeline_no_cleanup") is Verdict.FAIL
    assert calm("pipeline") is Verdict.PASS


def test_a_million_operations_of_lua_atomic_without_one_too_many() -> None:
    many = storage.load(REFERENCE / "million" / "history.npz")
    assert len(many.operations) >= 1_000_000
    check = judge(many, names=["overshoot"]).check("overshoot")
    assert check is not None
    assert check.verdict is Verdict.PASS
    assert check.measured["overshoot"] == 0
