"""Planted faults: each is found by its check, and what is right is not accused."""

from __future__ import annotations

import math

import pytest

from limitproof.check.verdict import Cause, Verdict
from limitproof.simulate.refusal import RefusedError
from limitproof.stories import Story, Tale
from limitproof.verify.experiments.catalogue import EXPERIMENTS
from tests.verify.experiments.conftest import OpenLaboratory
from tests.verify.experiments.test_registered import replayed

CHECKS = {check.name: check for check in EXPERIMENTS}
PLANTED = [
    ("RefreshedCounter", "expiry", "each request, also a refused one, starts the TTL of 'k' anew"),
    ("WholeSeconds", "expiry", "what is stored is gone at once, and 7 are admitted within"),
    ("Immortal", "expiry", "'k:1700000000' is left without a TTL after a request"),
    ("Immortal", "memory", "it grows for good: from 1 to 8 entries"),
    ("KeepsAMidnight", "memory", "1 key is left after 86401 s without a request, 'midnight:19676'"),
    ("LogsEveryTwentieth", "memory", "it grows for good: from 1 to 17 entries"),
    ("LogsAfterPauses", "memory", "it grows for good: from 6 to "),
    ("CountsLargeCosts", "expiry", "'k:large' is left without a TTL after a request"),
    ("CountsWhatIsTooLarge", "expiry", "'k:large' is left without a TTL after a request"),
    ("EndsWithTheFirst", "expiry", "gone after 0.499 s, and 4 are admitted within 0.503 s"),
    ("TwoSeconds", "expiry", "gone after 2.001 s, and 4 are admitted within 2.005 s: 3 per 60 s"),
    ("FromTheSecondOn", "expiry", "'k' is left without a TTL after a request"),
    ("KeptForDays", "expiry", "'k:1700000000' is kept for 86400 s, where a window is 1 s"),
    (
        "LogsRefused",
        "memory",
        "2 requests in a window are 2 entries (160 bytes), 8 are 8 (544 bytes)",
    ),
    ("Lowercase", "isolation", "request 1 of key 'A' is admitted (0 left) when 'a' is in use too"),
    ("HashedIntoBuckets", "isolation", "when 'user-2401' is in use too"),
    ("Truncated", "isolation", "xxx1 (10,001 long)' is in use too"),
    ("Trimmed", "isolation", "request 1 of key 'a ' is admitted (0 left) when 'a' is in use too"),
    ("Decoded", "isolation", "is admitted (0 left) when 'a%20b' is in use too"),
    ("WithoutSeparator", "isolation", "is admitted (0 left) when 'a:1' is in use too"),
    ("SweepsByPattern", "isolation", "when '*' is in use too"),
    ("TwoSlots", "cluster", "a script touches 'seen:user:7' and 'user:7', which are in slots"),
    ("ReadsUndeclared", "cluster", "'{user:7}:limit' and does not declare it"),
    ("ReadsNearItsEnd", "cluster", "'other' and does not declare it"),
    ("ReadsAtTheThirdRefusal", "cluster", "'other' and does not declare it"),
    ("ReadsWhenTooMuchIsAskedFor", "cluster", "'other' and does not declare it"),
    ("ReadsInATransaction", "cluster", "'{user:7}:limit' and does not declare it"),
    ("ReadsTwoSlots", "cluster", "EXISTS touches 'other' and 'user:7', which are in slots"),
    ("WaitsForItsTurn", "cluster", "'other' and does not declare it"),
    ("TwoSlotsTransaction", "cluster", "a transaction touches 'seen:user:7' and 'user:7'"),
]
PLANTED_FAULTS = [
    ("IncrThenExpire", "expiry", "'k' is left without a TTL when a client dies after 1 step"),
    ("IncrThenExpire", "crash", "a client dies after 1 step and leaves 'k' without a TTL"),
    ("Locked", "crash", "a client dies after 1 step and leaves 'k:lock' without a TTL"),
    ("Locked", "lost-reply", "the reply to step 1 of a request is lost, and it waits without end"),
    ("LockedFor", "crash", "a client dies after 1 step; another waits without end after it"),
    ("LockedAndOpen", "crash", "a client dies after 1 step; another waits without end after it"),
    ("CountsTwice", "crash", "a client dies after 1 step, and 2 places are gone"),
    ("Counter", "lost-reply", "the request is admitted (1 left), and 2 places are gone for one"),
    ("CountsTheSecondTwice", "lost-reply", "is admitted, and 2 places are gone for one"),
    ("AsyncIncrThenExpire", "crash", "leaves 'k' without a TTL"),
    ("AsyncIncrThenExpire", "lost-reply", "120 s later another is refused, which is admitted"),
    ("BareEvalsha", "script-flush", "after SCRIPT FLUSH request 2 raises NoScriptError"),
    ("BareEvalshaLate", "script-flush", "raises NoScriptError"),
    ("LoadsAgainOnce", "script-flush", "after SCRIPT FLUSH request 3 raises NoScriptError"),
    (
        "TellsByItsClock",
        "clock-skew",
        "is refused (retry after 0.0 s) 0.975 s after the first of 3",
    ),
    ("TellsWhatIsLeftByItsClock", "clock-skew", "is admitted (2 left) 3.954 s after the first of"),
    ("FailsOpenWithoutScript", "script-flush", "is admitted, which is refused without it"),
]
PLANTED_RACES = [
    ("MadeAnewWithoutEnd", "expiry", "'k' is left without a TTL after a request, in the midst of"),
    ("SideKeyMadeAnew", "expiry", "'k:seen' is left without a TTL after a request, in the midst"),
]
LONGEST = {
    ("Lowercase", "isolation"): 16,
    ("Immortal", "memory"): 50,
    ("LogsRefused", "memory"): 50,
    ("Immortal", "expiry"): 3,
    ("MadeAnewWithoutEnd", "expiry"): 12,
    ("RefreshedCounter", "expiry"): 50,
    ("WholeSeconds", "expiry"): 30,
    ("IncrThenExpire", "crash"): 55,
    ("Counter", "lost-reply"): 45,
    ("BareEvalsha", "script-flush"): 30,
    ("TwoSlots", "cluster"): 20,
}
"""Events of a story that fits on a screen: a third of them are waits."""
RIGHT = ["Asynchronous", "HashTagged", "RefusesOddKeys", "Buckets"]


@pytest.mark.parametrize(
    ("specimen", "name", "because", "cause"),
    [(*one, Cause.ALGORITHM) for one in PLANTED]
    + [(*one, Cause.FAULT) for one in PLANTED_FAULTS]
    + [(*one, Cause.RACE) for one in PLANTED_RACES],
)
def test_a_planted_fault_is_found(
    laboratory_of: OpenLaboratory, specimen: str, name: str, because: str, cause: Cause
) -> None:
    laboratory, check = laboratory_of(specimen), CHECKS[name]
    examined = check.examine(laboratory)
    assert examined.result.verdict is Verdict.FAIL
    assert examined.result.cause is cause
    assert because in examined.result.because
    assert replayed(laboratory, check, examined) == examined.result.because
    assert isinstance(examined.tale, Tale)
    assert examined.tale.happenings
    assert isinstance(examined.story, Story)
    assert len(examined.story.events) <= LONGEST.get((specimen, name), math.inf)


def test_stories_of_every_check_but_one_are_held_to_a_length() -> None:
    planted = {
        (specimen, name) for specimen, name, _ in (*PLANTED, *PLANTED_FAULTS, *PLANTED_RACES)
    }
    assert LONGEST.keys() <= planted
    assert {name for _, name in LONGEST} == CHECKS.keys() - {"clock-skew"}


@pytest.mark.parametrize("check", EXPERIMENTS, ids=lambda one: one.name)
@pytest.mark.parametrize("specimen", RIGHT)
def test_who_is_right_is_not_accused(
    laboratory_of: OpenLaboratory, specimen: str, check: object
) -> None:
    examined = CHECKS[check.name].examine(laboratory_of(specimen))  # type: ignore[attr-defined]
    pays_twice = specimen in ("HashTagged", "Buckets") and examined.result.name == "lost-reply"
    expected = Verdict.FAIL if pays_twice else Verdict.PASS
    assert examined.result.verdict is expected, examined.result.because


def test_a_key_that_ends_in_a_request_and_is_given_its_end_again_is_not_accused(
    laboratory_of: OpenLaboratory,
) -> None:
    result = CHECKS["expiry"].examine(laboratory_of("SetIncrAndExpire")).result
    assert result.verdict is Verdict.PASS, result.because


@pytest.mark.parametrize("specimen", ["LongTransaction", "RejectedFirst"])
def test_who_declares_its_keys_is_not_accused(laboratory_of: OpenLaboratory, specimen: str) -> None:
    result = CHECKS["cluster"].examine(laboratory_of(specimen)).result
    assert result.verdict is Verdict.PASS, result.because


def test_what_it_raises_for_alone_is_told(laboratory_of: OpenLaboratory) -> None:
    result = CHECKS["isolation"].examine(laboratory_of("RefusesOddKeys")).result
    assert result.measured["raises_for"][0] == "''"
    assert "it raises for '', 'xxx" in result.because


def test_a_quota_that_it_does_not_take_is_told(laboratory_of: OpenLaboratory) -> None:
    result = CHECKS["expiry"].examine(laboratory_of("WholeSecondsOnly")).result
    assert result.verdict is Verdict.PASS
    assert result.because.endswith("with windows of 1, 60 s; and with requests of cost 2 and 10")
    assert len(result.measured["declined"]) == 3
    assert "with 3 per 0.5 s: it cannot be made: ValueError" in result.measured["declined"][0]


@pytest.mark.parametrize("check", EXPERIMENTS, ids=lambda one: one.name)
def test_who_cannot_be_simulated_is_never_a_pass(
    laboratory_of: OpenLaboratory, check: object
) -> None:
    laboratory = laboratory_of("SpinsWhenRefused")
    try:
        result = CHECKS[check.name].examine(laboratory).result  # type: ignore[attr-defined]
    except RefusedError:
        return
    assert result.verdict is not Verdict.PASS


@pytest.mark.parametrize("check", EXPERIMENTS, ids=lambda one: one.name)
def test_without_time_nothing_passes(laboratory_of: OpenLaboratory, check: object) -> None:
    laboratory = laboratory_of("lua_atomic")
    laboratory.allow(0.0)
    result = CHECKS[check.name].examine(laboratory).result  # type: ignore[attr-defined]
    assert result.verdict is Verdict.UNKNOWN
    assert result.complete is False
