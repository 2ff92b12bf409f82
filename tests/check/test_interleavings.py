"""What explorations say of a limiter, alone and beside what load has shown."""

from __future__ import annotations

import json

import pytest

from limitproof.check.interleavings import (
    judge_exploration,
    judge_explorations,
    judgement_of,
    with_explorations,
)
from limitproof.check.judge import judgement_to_json
from limitproof.check.verdict import Cause, CheckResult, Judgement, Verdict
from limitproof.explored import Explored
from tests.explorations import counterexample, explored, long_run

RACE = explored(counterexample(), granularity="packet")
IN_TURN = explored(counterexample(long_run(3), sequential=True), clients=4)
REFUSES = explored(None, counterexample(check="false-rejection"))
CLEAN = explored()
SHORT = explored(complete=False, doubt="stopped after 2 s", unfinished=True, clients=4)
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
    overshoot, refusal = judge_exploration(REFUSES)
    assert (overshoot.verdict, refusal.verdict) == (Verdict.PASS, Verdict.FAIL)
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
    assert [check.name for check in whole.checks] == ["overshoot", "memory", "false-rejection"]
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
