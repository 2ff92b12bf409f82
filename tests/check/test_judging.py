"""`contract` and the judgement as a whole."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from limiters.promise import FixedWindow, SlidingWindow, TokenBucket
from limitproof.check import judge as judge_module
from limitproof.check.contract import contract
from limitproof.check.judge import CHECKS, Check, judge
from limitproof.check.judgement_json import judgement_to_json
from limitproof.check.verdict import Cause, CheckResult, Verdict
from limitproof.check.yardstick import promise_of_meta
from limitproof.history.columns import History, Key, Operations
from limitproof.history.outcome import Outcome
from tests.check.models import fixed, ideal, unlimited
from tests.check.worlds import EPOCH, MS, history, one_after_the_other, run

BUSY = one_after_the_other(60, 0.02)


def test_every_answer_was_a_decision() -> None:
    assert contract(run(ideal, BUSY)).verdict is Verdict.PASS


def test_a_limiter_that_raises() -> None:
    operations = Operations.of([EPOCH, EPOCH + MS], outcome=[Outcome.ADMITTED, Outcome.ERROR])
    result = contract(history(operations, errors=("ValueError: no whole seconds",)))
    assert result.verdict is Verdict.FAIL
    assert result.cause is Cause.ALGORITHM
    assert result.measured["errors"] == 1
    assert "no whole seconds" in result.because


def test_a_limiter_that_raises_only_where_requests_overlap() -> None:
    operations = Operations.of([EPOCH, EPOCH], outcome=[2, 4], client=[0, 1])
    assert contract(history(operations)).cause is None


def test_lost_answers_and_empty_histories_are_unknown() -> None:
    lost = Operations.of([EPOCH, EPOCH], outcome=[Outcome.ADMITTED, Outcome.UNKNOWN])
    assert contract(history(lost)).verdict is Verdict.UNKNOWN
    assert "not known" in contract(history(lost)).because
    cut_off = contract(history(lost, interrupted="Ctrl-C"))
    assert cut_off.verdict is Verdict.UNKNOWN
    assert "cut off" in cut_off.because
    assert contract(history(Operations.of([]))).verdict is Verdict.UNKNOWN


def test_all_checks_in_one_judgement() -> None:
    judgement = judge(run(unlimited, BUSY))
    assert [check.name for check in judgement.checks] == [check.name for check in CHECKS]
    assert judgement.verdict is Verdict.FAIL
    assert judgement.cause is Cause.ALGORITHM


def test_the_names_choose() -> None:
    judgement = judge(run(ideal, BUSY), names=["overshoot", "retry-after"])
    assert [check.name for check in judgement.checks] == ["overshoot", "retry-after"]
    assert judgement.verdict is Verdict.PASS
    with pytest.raises(ValueError, match="no such check: overshot"):
        judge(run(ideal, BUSY), names=["overshot"])


def test_another_promise_may_be_held_against_it() -> None:
    edge = run(fixed, one_after_the_other(300, 0.01, start=0.0), limit=3, window=0.5, kind="fixed")
    burst = replace(edge, operations=replace(edge.operations, outcome=np.full(300, 2, np.int8)))
    assert judge(edge, names=["overshoot"]).verdict is Verdict.PASS
    strict = judge(burst, SlidingWindow(3, 0.5), names=["overshoot"])
    assert strict.verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("promise", "expected"),
    [
        ({"kind": "sliding", "limit": 3, "window": 2.0}, SlidingWindow(3, 2.0)),
        ({"kind": "fixed", "limit": 3, "window": 2.0}, FixedWindow(3, 2.0)),
        ({"kind": "token", "rate": 1.5, "burst": 9.0}, TokenBucket(1.5, 9.0)),
        ({}, SlidingWindow(3, 1.0)),
    ],
)
def test_the_promise_is_rebuilt_from_the_history(promise: object, expected: object) -> None:
    meta = replace(history(Operations.of([])).meta, promise=promise)  # type: ignore[arg-type]
    assert promise_of_meta(meta) == expected


def test_a_check_that_raises_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_history: History, _promise: object) -> CheckResult:
        raise ZeroDivisionError("division by zero\nand more")

    monkeypatch.setattr(judge_module, "CHECKS", (Check("overshoot", broken, ""),))
    judgement = judge(run(ideal, BUSY))
    assert judgement.verdict is Verdict.UNKNOWN
    assert judgement.checks[0].because.endswith("ZeroDivisionError: division by zero")


def test_an_unknown_promise_is_unknown() -> None:
    given = run(ideal, BUSY, kind="leaky")
    result = judge(given, names=["overshoot"])
    assert result.verdict is Verdict.UNKNOWN
    assert "leaky" in result.checks[0].because


def test_the_json_is_plain_and_complete() -> None:
    given = run(unlimited, BUSY)
    said = judgement_to_json(judge(given))
    assert json.loads(json.dumps(said, allow_nan=False)) == said
    assert {name: said[name] for name in ("schema", "limiter", "quota", "seed", "verdict")} == {
        "schema": 1,
        "limiter": "model",
        "quota": {"limit": 3, "window": 1.0},
        "seed": 0,
        "verdict": "fail",
    }
    overshoot = said["checks"][1]
    assert overshoot["name"] == "overshoot"
    assert overshoot["cause"] == "algorithm"
    assert overshoot["measured"]["overshoot"] == 47
    assert overshoot["evidence"]["rows"][0]["client"] == 0


def test_what_json_cannot_say_becomes_none() -> None:
    odd = CheckResult("x", Verdict.PASS, "", measured={"a": np.float64("nan"), "b": (np.int64(3),)})
    judgement = replace(judge(run(ideal, BUSY), names=[]), checks=(odd,))
    assert judgement_to_json(judgement)["checks"][0]["measured"] == {"a": None, "b": [3]}


def test_a_load_that_was_not_delivered_is_no_evidence() -> None:
    """An open loop whose clients fell behind: 30 of 60 requests were never sent."""
    at = [EPOCH + i * MS for i in range(60)]
    outcome = [Outcome.ADMITTED, Outcome.DROPPED] * 30
    given = history(Operations.of(at, outcome=outcome), keys=[Key("hot", "sustained", 4)])
    result = contract(given)
    assert result.verdict is Verdict.UNKNOWN
    assert "30 of 60 requests of sustained were never sent" in result.because
    few = [Outcome.ADMITTED] * 57 + [Outcome.DROPPED] * 3
    kept = history(Operations.of(at, outcome=few), keys=[Key("hot", "sustained", 4)])
    assert contract(kept).verdict is Verdict.PASS
