"""What `verify` has found, for a person: the table, or one line where there is nothing to tell."""

from __future__ import annotations

import pytest

from limitproof.check.verdict import CheckResult, Judgement, Verdict
from limitproof.report.verified import no_check

WAITS = "not simulated: it slept 250 times in one request"
ELSEWHERE = "not simulated with 3 per 60 s: it slept 250 times in one request"


def judged(*because: str, verdict: Verdict = Verdict.UNKNOWN) -> Judgement:
    checks = [CheckResult(f"check {n}", Verdict.UNKNOWN, one) for n, one in enumerate(because)]
    return Judgement("mine", {}, 0, {}, (*checks, CheckResult("last", verdict, WAITS)))


@pytest.mark.parametrize(
    ("judgement", "why"),
    [
        (judged(WAITS, WAITS), WAITS),
        (judged(ELSEWHERE, f"{ELSEWHERE}; else: each key ends by itself"), WAITS),
        (judged(WAITS, "not simulated: it raises"), ""),
        (judged(WAITS, verdict=Verdict.PASS), ""),
        (judged(ELSEWHERE, verdict=Verdict.FAIL), ""),
    ],
)
def test_one_reason_for_all_is_told_once(judgement: Judgement, why: str) -> None:
    assert no_check(judgement) == why
