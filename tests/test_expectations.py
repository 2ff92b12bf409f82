"""What is known of a limiter, held against what was found."""

from __future__ import annotations

import pytest

from limiters.registry import REGISTRY, Entry, entry
from limitproof.check.verdict import CheckResult, Judgement, Verdict
from limitproof.expectations import missed, surprises


def judged(**verdicts: Verdict) -> Judgement:
    checks = tuple(
        CheckResult(name.replace("_", "-"), verdict, "") for name, verdict in verdicts.items()
    )
    return Judgement("any", {}, 0, {}, checks)


GOOD, RACY, WRONG = entry("lua_atomic"), entry("get_set_json"), entry("lua_same_millisecond")
PASSED = judged(overshoot=Verdict.PASS, memory=Verdict.PASS)
FAILED = judged(overshoot=Verdict.FAIL, memory=Verdict.PASS)
UNSURE = judged(overshoot=Verdict.UNKNOWN, memory=Verdict.PASS)


@pytest.mark.parametrize(
    ("known", "found", "strange", "hidden"),
    [
        (GOOD, PASSED, (), False),
        (GOOD, FAILED, ("overshoot",), True),
        (GOOD, UNSURE, (), True),
        (RACY, FAILED, (), False),
        (RACY, PASSED, (), False),  # load may miss a race
        (WRONG, FAILED, (), False),
        (WRONG, PASSED, (), True),
        (WRONG, UNSURE, (), True),
        (None, FAILED, (), False),
    ],
)
def test_what_differs_from_what_is_known_is_said(
    known: Entry | None, found: Judgement, strange: tuple[str, ...], hidden: bool
) -> None:
    assert surprises(known, found) == strange
    assert bool(missed(known, found)) == hidden


def test_some_limiters_must_pass_and_some_must_fail() -> None:
    everything = [missed(one, PASSED) == "" for one in REGISTRY]
    assert any(everything)
    assert not all(everything)
