"""What is known of a limiter, held against what was found."""

from __future__ import annotations

import pytest

from limiters.registry import REGISTRY, Entry, entry
from limitproof.check.interleavings import with_explorations
from limitproof.check.verdict import CheckResult, Judgement, Verdict
from limitproof.expectations import missed, surprises
from limitproof.explored import Explored
from tests.explorations import counterexample, explored


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


SLOW = entry("add_then_count")
DISORDER = counterexample(check="linearizable")
RACE, CLEAN = explored(counterexample(), disorder=DISORDER), explored()
IN_TURN = explored(counterexample(sequential=True))
REFUSED = explored(complete=False, doubt="not simulated: it uses threads", strategy="none")


@pytest.mark.parametrize(
    ("known", "shown", "says"),
    [
        (RACY, (RACE,), ""),
        (RACY, (CLEAN, IN_TURN, explored(disorder=DISORDER)), ""),
        (RACY, (explored(counterexample()),), "has a race (linearizable)"),
        (SLOW, (explored(disorder=DISORDER),), ""),  # it overshoots when its set ends in between
        (RACY, (), ""),  # not explored at all: load may miss a race
        (RACY, (CLEAN,), "has a race (overshoot) that exploring does not show"),
        (RACY, (REFUSED,), "it uses threads"),
        (GOOD, (CLEAN,), ""),
        (GOOD, (REFUSED,), "should pass and is unknown"),
        # its false rejection needs time to pass, not so that it ends as no order does
        (entry("fixed_window_crash"), (explored(disorder=DISORDER),), ""),
        (entry("fixed_window_crash"), (CLEAN,), "has a race (linearizable)"),
        (entry("in_process"), (REFUSED,), ""),
    ],
)
def test_a_known_race_has_to_show_in_an_exploration(
    known: Entry, shown: tuple[Explored, ...], says: str
) -> None:
    loaded = FAILED if "algorithm" in known.fails.values() else PASSED
    told = missed(known, with_explorations(loaded, shown), shown)
    assert says in told
    assert bool(told) == bool(says)


def test_a_race_that_nobody_knows_is_a_surprise() -> None:
    assert surprises(GOOD, with_explorations(PASSED, [RACE])) == ("linearizable", "overshoot")


def test_some_limiters_must_pass_and_some_must_fail() -> None:
    everything = [missed(one, PASSED) == "" for one in REGISTRY]
    assert any(everything)
    assert not all(everything)
