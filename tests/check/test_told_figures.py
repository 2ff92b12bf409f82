"""`remaining` and `retry-after`: figures that were told, against those that can be right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from limitproof.check.remaining import remaining
from limitproof.check.retry_after import retry_after
from limitproof.check.verdict import Cause, CheckResult, Verdict
from limitproof.check.yardstick import promise_of_meta
from limitproof.history.columns import Floats, History
from limitproof.history.outcome import Outcome
from tests.check.models import aligned, bucket, fixed, ideal, unlimited
from tests.check.worlds import at_once, one_after_the_other, run

TRAFFIC = [*one_after_the_other(120, 0.05), *at_once(20, start=8.0, lasting=0.3)]


def left(given: History) -> CheckResult:
    return remaining(given, promise_of_meta(given.meta))


def back(given: History) -> CheckResult:
    return retry_after(given, promise_of_meta(given.meta))


def retold(given: History, column: str, change: Callable[[Floats], Floats]) -> History:
    changed: dict[str, Any] = {column: change(getattr(given.operations, column))}
    return replace(given, operations=replace(given.operations, **changed))


@pytest.mark.parametrize(
    ("model", "kind"), [(ideal, "sliding"), (fixed, "fixed"), (aligned, "fixed")]
)
def test_right_figures_pass(model: object, kind: str) -> None:
    given = run(model, TRAFFIC, limit=5, kind=kind)  # type: ignore[arg-type]
    assert left(given).verdict is Verdict.PASS
    assert left(given).measured["told"] > 20
    assert back(given).verdict is Verdict.PASS
    assert back(given).measured["told"] > 20


def test_a_limiter_that_tells_nothing_is_not_judged() -> None:
    silent = run(unlimited, TRAFFIC)
    assert left(silent).verdict is back(silent).verdict is Verdict.NOT_TOLD


def test_a_bucket_is_only_held_to_sane_figures() -> None:
    given = run(bucket, TRAFFIC, kind="token")
    assert left(given).verdict is back(given).verdict is Verdict.NOT_TOLD
    assert "token" in left(given).because
    assert left(retold(given, "remaining", lambda v: v - 9)).verdict is Verdict.FAIL
    assert back(retold(given, "retry_after", lambda v: -v)).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda v: v + 1, "too_high"),
        (lambda v: v - 1, "too_low"),
        (lambda v: v - 9, "no_count"),
        (lambda v: np.where(np.isnan(v), v, np.inf), "no_count"),
    ],
)
def test_wrong_remaining(change: Callable[[Floats], Floats], fault: str) -> None:
    result = left(retold(run(ideal, TRAFFIC, limit=5), "remaining", change))
    assert result.verdict is Verdict.FAIL
    assert result.cause is Cause.ALGORITHM
    assert result.measured[fault] > 0
    assert result.evidence is not None
    assert result.evidence.total == 1


def test_a_fixed_window_tells_no_more_than_its_limit_less_one() -> None:
    given = run(fixed, TRAFFIC, limit=5, kind="fixed")
    assert left(retold(given, "remaining", lambda v: v + 1)).measured["too_high"] > 0


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda v: v - 0.2, "no_time"),
        (lambda v: v * 0.5, "too_early"),
        (lambda v: v + 0.1, "too_late"),
        (lambda v: np.floor(v), "too_early"),
        (lambda v: np.ceil(v) + 1, "too_late"),
        (lambda v: np.where(np.isnan(v), v, np.inf), "no_time"),
    ],
)
def test_wrong_retry_after(change: Callable[[Floats], Floats], fault: str) -> None:
    result = back(retold(run(ideal, TRAFFIC, limit=5), "retry_after", change))
    assert result.verdict is Verdict.FAIL
    assert result.measured[fault] > 0
    said = "no time to wait" if fault == "no_time" else "would be right"
    assert said in result.because
    assert result.evidence is not None
    assert result.evidence.total == 1


def test_the_figure_that_is_furthest_off_is_shown() -> None:
    def change(told: Floats) -> Floats:
        off = np.where(np.arange(len(told)) == np.flatnonzero(~np.isnan(told))[4], 5.0, 0.1)
        return np.asarray(told + off)

    given = retold(run(ideal, one_after_the_other(40, 0.02), limit=5), "retry_after", change)
    result = back(given)
    assert result.measured["wrong"] > 5
    assert "told 5.821 s where 0.818 to 0.822 s would be right" in result.because


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (1.0, "told 1.000 s although there was room already"),
        (-0.002, "told -0.002 s, which is no time to wait"),
        (-0.0001, "told -0.0001 s, which is no time to wait"),
        (np.inf, "told inf, which is no time to wait"),
    ],
)
def test_a_refusal_with_room_names_no_interval_that_runs_backwards(told: float, said: str) -> None:
    # limit 1: admitted at 0 s, refused long after its window
    given = run(unlimited, one_after_the_other(3, 0.9), limit=1)
    outcome = np.array([Outcome.ADMITTED, Outcome.ADMITTED, Outcome.REJECTED], dtype=np.int8)
    outcome[1] = Outcome.REJECTED
    values = np.array([np.nan, np.nan, told])
    operations = replace(given.operations, outcome=outcome, retry_after=values)
    assert said in back(replace(given, operations=operations)).because


def test_a_negative_remaining_is_no_count() -> None:
    result = left(retold(run(ideal, TRAFFIC, limit=5), "remaining", lambda v: v - 9))
    assert "told -5, which is no count of requests" in result.because


def test_rounding_up_to_whole_seconds_is_allowed() -> None:
    given = run(ideal, TRAFFIC, limit=5)
    rounded = retold(given, "retry_after", np.ceil)
    assert back(rounded).verdict is Verdict.PASS
    assert back(retold(rounded, "retry_after", lambda v: np.maximum(v, 1))).verdict is Verdict.PASS


def test_the_oldest_in_the_window_is_wrong_where_more_than_the_limit_is_stored() -> None:
    # "oldest + window" is right only as long as the window holds no more than the limit; a limit
    # of 1 refused at 0.9 s with admissions (of an earlier overshoot) at 0.0 and 0.5 s is free at
    # 1.5 s, not at 1.0 s
    given = run(unlimited, one_after_the_other(3, 0.45), limit=1)
    outcome = np.array([Outcome.ADMITTED, Outcome.ADMITTED, Outcome.REJECTED], dtype=np.int8)
    told = np.array([np.nan, np.nan, 0.1])
    operations = replace(given.operations, outcome=outcome, retry_after=told)
    assert back(replace(given, operations=operations)).measured["too_early"] == 1


def test_a_fixed_window_may_not_send_a_client_away_for_longer_than_the_window() -> None:
    given = run(fixed, TRAFFIC, limit=5, kind="fixed")
    assert back(retold(given, "retry_after", lambda v: v + 1.5)).measured["too_late"] > 0


def test_keys_with_dearer_requests_are_held_to_sane_figures_only() -> None:
    given = run(ideal, TRAFFIC, limit=5)
    dear = np.where(np.arange(len(given.operations)) == 3, 2, given.operations.cost)
    given = replace(given, operations=replace(given.operations, cost=dear.astype(np.int32)))
    assert back(retold(given, "retry_after", lambda v: v * 0.5)).verdict is Verdict.PASS


@pytest.mark.parametrize("check", [left, back])
def test_interrupted(check: Callable[[History], CheckResult]) -> None:
    assert check(run(ideal, TRAFFIC, interrupted="killed")).verdict is Verdict.UNKNOWN
