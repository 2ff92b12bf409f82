"""What explorations say of a limiter, alone and beside what load has shown."""

from __future__ import annotations

import json
from typing import Any

import pytest

from limitproof.check.interleavings import (
    judge_exploration,
    judge_explorations,
    judgement_of,
    with_explorations,
)
from limitproof.check.judgement_json import judgement_to_json
from limitproof.check.verdict import Cause, CheckResult, Judgement, Verdict
from limitproof.explored import Explored
from tests.explorations import counterexample, explored, long_run

RACE = explored(counterexample(), granularity="packet")
IN_TURN = explored(counterexample(long_run(3), sequential=True), clients=4)
REFUSES = explored(None, counterexample(check="false-rejection"))
CLEAN = explored()
STOPPED: dict[str, Any] = {"complete": False, "doubt": "stopped after 2 s", "unfinished": True}
SHORT = explored(clients=4, **STOPPED)
REFUSED = explored(
    complete=False, doubt="not simulated: it is async", strategy="none", schedules=0, states=0,
    sentence="nothing was explored",
)  # fmt: skip
RAISES = explored(doubt="in some schedules the limiter raised")
APART = explored(granularity="command")


def found(*explorations: Explored) -> dict[str, CheckResult]:
    return {check.name: check for check in judge_explorations(explorations)}


@pytest.mark.parametrize(
    ("explorations", "verdict", "cause"),
    [
        ((RACE,), Verdict.FAIL, Cause.RACE),
        ((CLEAN, RACE), Verdict.FAIL, Cause.RACE),
        ((RACE, IN_TURN), Verdict.FAIL, Cause.ALGORITHM),
        ((RACE, RAISES), Verdict.FAIL, Cause.RACE),
        ((CLEAN,), Verdict.PASS, None),
        ((CLEAN, SHORT), Verdict.PASS, None),  # complete for fewer clients
        ((SHORT,), Verdict.UNKNOWN, None),
        ((REFUSED,), Verdict.UNKNOWN, None),
        ((CLEAN, RAISES), Verdict.UNKNOWN, None),
        ((CLEAN, REFUSED), Verdict.UNKNOWN, None),
        ((CLEAN, APART), Verdict.PASS, None),
        ((CLEAN, explored(granularity="command", complete=False)), Verdict.UNKNOWN, None),
    ],
)
def test_the_verdict_of_several(
    explorations: tuple[Explored, ...], verdict: Verdict, cause: Cause | None
) -> None:
    overshoot = found(*explorations)["overshoot"]
    assert (overshoot.verdict, overshoot.cause) == (verdict, cause)
    if verdict is not Verdict.FAIL:
        assert overshoot.complete is (verdict is Verdict.PASS)


def test_none_judges_nothing() -> None:
    assert judge_explorations(()) == ()


def test_the_counterexample_shown_is_one_of_the_cause_told() -> None:
    overshoot = found(RACE, IN_TURN)["overshoot"]
    assert IN_TURN.overshoot is not None
    assert overshoot.counterexample == IN_TURN.overshoot.file
    assert "4 clients" in overshoot.because


def test_a_false_rejection_is_no_overshoot() -> None:
    overshoot, refusal, contract, order = judge_exploration(REFUSES)
    verdicts = [one.verdict for one in (overshoot, refusal, contract, order)]
    assert verdicts == [Verdict.PASS, Verdict.FAIL, Verdict.PASS, Verdict.PASS]
    assert refusal.measured["bad_schedules"] == 23
    assert refusal.counterexample is not None
    assert overshoot.counterexample is None


def test_what_was_not_finished_is_told_by_its_doubt() -> None:
    assert found(SHORT)["overshoot"].because == "stopped after 2 s"
    assert "all 5 states" in found(CLEAN)["overshoot"].because


def loaded(verdict: Verdict, cause: Cause | None = None) -> Judgement:
    checks = (
        CheckResult("overshoot", verdict, "load", cause, {"peak": 3}),
        CheckResult("memory", Verdict.PASS, "level"),
    )
    return Judgement("mine", {"limit": 10, "window": 1.0}, 7, {}, checks)


@pytest.mark.parametrize(
    ("load", "exploration", "verdict"),
    [
        (Verdict.PASS, RACE, Verdict.FAIL),
        (Verdict.PASS, CLEAN, Verdict.PASS),
        (Verdict.PASS, REFUSED, Verdict.UNKNOWN),
        (Verdict.UNKNOWN, CLEAN, Verdict.UNKNOWN),  # what load left open stays open
        (Verdict.UNKNOWN, RACE, Verdict.FAIL),
        (Verdict.FAIL, CLEAN, Verdict.FAIL),
    ],
)
def test_load_and_exploration_are_one_judgement(
    load: Verdict, exploration: Explored, verdict: Verdict
) -> None:
    whole = with_explorations(loaded(load), [exploration])
    overshoot = whole.check("overshoot")
    assert overshoot is not None
    assert overshoot.verdict is verdict
    assert overshoot.because.startswith("load; explored: ")
    assert (overshoot.measured["peak"], overshoot.measured["explored"]["states"]) == (
        3, exploration.states,
    )  # fmt: skip
    names = [check.name for check in whole.checks]
    more = ["contract", "linearizable"] if exploration.strategy != "none" else []
    assert names == ["overshoot", "memory", "false-rejection", *more]
    assert json.loads(json.dumps(judgement_to_json(whole)))["checks"][0]["schedules"] is not None


def test_the_simplest_cause_of_both_is_told() -> None:
    for cause, expected in ((Cause.ALGORITHM, Cause.ALGORITHM), (None, Cause.RACE)):
        whole = with_explorations(loaded(Verdict.FAIL, cause), [RACE])
        assert whole.cause is expected


def test_a_history_alone_is_judged_as_ever() -> None:
    judgement = loaded(Verdict.PASS)
    assert with_explorations(judgement, ()) == judgement
    assert "schedules" not in judgement_to_json(judgement)["checks"][0]


def test_an_exploration_alone_is_a_judgement() -> None:
    judgement = judgement_of(RACE)
    assert (judgement.limiter, judgement.verdict, judgement.cause) == (
        "mine", Verdict.FAIL, Cause.RACE,
    )  # fmt: skip
    assert judgement.quota == {"limit": 1, "window": 1.0}


def test_an_error_and_a_disorder_are_checks_of_their_own() -> None:
    raised = explored(error=counterexample(check="contract"), erring=3, doubt="it raised")
    checks = {check.name: check for check in judge_exploration(raised)}
    assert checks["contract"].verdict is Verdict.FAIL
    assert checks["contract"].measured["bad_schedules"] == 3
    assert checks["overshoot"].verdict is Verdict.UNKNOWN
    disordered = explored(disorder=counterexample(check="linearizable"), disordered=2)
    checks = {check.name: check for check in judge_exploration(disordered)}
    assert (checks["linearizable"].verdict, checks["linearizable"].cause) == (
        Verdict.FAIL, Cause.RACE,
    )  # fmt: skip


def test_ends_that_were_not_compared_are_not_told() -> None:
    """Where the search stands by runs (WATCH), which is no fault of the limiter."""
    checks = {check.name: check for check in judge_exploration(explored(ordered=False))}
    assert checks["overshoot"].verdict is Verdict.PASS
    assert checks["linearizable"].verdict is Verdict.NOT_TOLD
    assert "were not compared" in checks["linearizable"].because
    assert judgement_of(explored(ordered=False)).verdict is Verdict.PASS
    together = found(explored(ordered=False), explored(ordered=False, **STOPPED))
    assert together["linearizable"].verdict is Verdict.NOT_TOLD
    assert found(explored(ordered=False, **STOPPED))["linearizable"].verdict is Verdict.UNKNOWN


def test_a_disorder_is_shown_only_where_it_is_all_there_is() -> None:
    first, second = counterexample(), counterexample(check="linearizable")
    assert explored(first, disorder=second).shown == (first,)
    assert explored(disorder=second).shown == (second,)
    assert explored(first, disorder=second).counterexamples == (first, second)
