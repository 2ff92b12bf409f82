"""`false-rejection` and `contamination`: which refusals were wrong, and whose fault each was."""

from __future__ import annotations

from dataclasses import replace

import pytest

from limitproof.check.contamination import contamination
from limitproof.check.false_rejection import false_rejection
from limitproof.check.verdict import Cause, CheckResult, Verdict
from limitproof.check.yardstick import promise_of_meta
from limitproof.history.columns import History, Operations
from limitproof.history.outcome import Outcome
from tests.check.models import (
    Model,
    add_then_count,
    aligned,
    bucket,
    cleans_up,
    fixed,
    ideal,
    off_by_one,
    refreshed,
    stores_refused,
)
from tests.check.worlds import EPOCH, MS, at_once, history, one_after_the_other, run

HAMMER = one_after_the_other(300, 0.02)
POLITE = [*one_after_the_other(90, 0.02), *one_after_the_other(12, 0.3, start=2.5)]


def rejected(given: History) -> CheckResult:
    return false_rejection(given, promise_of_meta(given.meta))


def contaminated(given: History) -> CheckResult:
    return contamination(given, promise_of_meta(given.meta))


@pytest.mark.parametrize("model", [off_by_one, stores_refused, add_then_count, refreshed])
def test_a_strict_limiter_is_found_sequentially(model: Model) -> None:
    result = rejected(run(model, HAMMER, limit=5))
    assert result.verdict is Verdict.FAIL
    assert result.cause is Cause.ALGORITHM
    assert result.measured["count"] >= 1
    assert result.evidence is not None
    assert result.evidence.rows[0]["outcome"] == "rejected"


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        (ideal, "sliding"),
        (cleans_up, "sliding"),
        (fixed, "fixed"),
        (aligned, "fixed"),
        (bucket, "token"),
    ],
)
@pytest.mark.parametrize("requests", [HAMMER, POLITE])
def test_a_correct_one_is_not_accused(model: Model, kind: str, requests: list[object]) -> None:
    given = run(model, requests, limit=5, kind=kind)  # type: ignore[arg-type]
    assert rejected(given).verdict is Verdict.PASS
    assert contaminated(given).verdict is Verdict.PASS


def test_a_bucket_that_refuses_with_tokens_left() -> None:
    half = run(bucket, one_after_the_other(40, 0.01), limit=4, kind="token")
    given = replace(half, meta=replace(half.meta, promise={"kind": "token", "rate": 8, "burst": 8}))
    assert rejected(given).verdict is Verdict.FAIL


def test_two_clients_that_refuse_each_other_the_last_place() -> None:
    rounds = [r for i in range(20) for r in at_once(2, start=2.0 * i, key=0)]
    control = one_after_the_other(4, 0.01, key=1)
    result = rejected(run(cleans_up, [*rounds, *control], limit=1))
    assert result.verdict is Verdict.PASS, "adding and counting is one step: one of them wins"
    result = rejected(run(add_then_count, [*rounds, *control], limit=1))
    assert result.verdict is Verdict.FAIL
    assert result.cause is Cause.RACE


def test_a_lost_answer_may_have_taken_the_last_place() -> None:
    at = [EPOCH + i * MS for i in range(5)]
    lost = [Outcome.ADMITTED, Outcome.ADMITTED, Outcome.UNKNOWN, Outcome.REJECTED, Outcome.REJECTED]
    assert rejected(history(Operations.of(at, outcome=lost))).verdict is Verdict.PASS
    refused = [*lost[:2], *[Outcome.REJECTED] * 3]
    assert rejected(history(Operations.of(at, outcome=refused))).verdict is Verdict.FAIL


def test_refusing_what_costs_more_than_the_limit_is_right() -> None:
    at = [EPOCH + i * MS for i in range(5)]
    dear = Operations.of(at, cost=[4, 4, 2, 1, 1], outcome=[3, 3, 2, 2, 3])
    assert rejected(history(dear)).verdict is Verdict.PASS


@pytest.mark.parametrize("check", [rejected, contaminated])
def test_a_history_that_asks_for_little_shows_nothing(check: object) -> None:
    assert callable(check)
    for operations in (Operations.of([]), Operations.of([EPOCH, EPOCH + MS])):
        assert check(history(operations)).verdict is Verdict.UNKNOWN
    stopped = run(ideal, HAMMER, interrupted="killed")
    assert check(stopped).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("model", [stores_refused, add_then_count, refreshed])
@pytest.mark.parametrize("requests", [HAMMER, POLITE])
def test_refused_requests_that_leave_a_debt(model: Model, requests: list[object]) -> None:
    result = contaminated(run(model, requests, limit=5))  # type: ignore[arg-type]
    assert result.verdict is Verdict.FAIL
    assert result.cause is Cause.ALGORITHM
    assert result.evidence is not None
    assert result.evidence.rows[0]["outcome"] == "rejected"


@pytest.mark.parametrize("requests", [HAMMER, POLITE])
def test_one_too_strict_leaves_no_debt(requests: list[object]) -> None:
    result = contaminated(run(off_by_one, requests, limit=5))  # type: ignore[arg-type]
    assert result.verdict is not Verdict.FAIL
    assert result.measured["judged"] > 0


def test_refusals_at_random_are_no_debt() -> None:
    moody = run(ideal, POLITE, limit=5)
    outcome = moody.operations.outcome.copy()
    outcome[0] = Outcome.REJECTED  # with nothing before it
    outcome[-3:] = Outcome.REJECTED
    given = replace(moody, operations=replace(moody.operations, outcome=outcome))
    assert rejected(given).verdict is Verdict.FAIL
    assert contaminated(given).verdict is not Verdict.FAIL


def test_no_debt_can_show_where_all_come_at_once() -> None:
    assert contaminated(run(stores_refused, at_once(30))).verdict is Verdict.UNKNOWN


def test_a_limiter_that_only_raises_is_not_found_innocent() -> None:
    at = [EPOCH + i * MS for i in range(30)]
    assert rejected(history(Operations.of(at, at, outcome=Outcome.ERROR))).verdict is (
        Verdict.UNKNOWN
    )
