"""Two answers are alike where they tell the same, as near as a clock's tick."""

from __future__ import annotations

from dataclasses import replace

import pytest

from limiters.contract import Decision
from limitproof.check.tales.alike import answered_alike
from limitproof.check.tales.expiry import expiry
from limitproof.history.outcome import Outcome
from limitproof.stories import Operation
from tests.check.tales.telling import Telling


def refused(remaining: int | None = 0, wait: float | None = 0.5) -> Operation:
    decision = Decision(False, remaining, wait)
    return Operation(0, "k", None, 0, 1, Outcome.REJECTED, decision)


@pytest.mark.parametrize(
    ("other", "alike"),
    [
        (refused(), True),
        (refused(wait=0.5009), True),
        (refused(wait=0.502), False),
        (refused(wait=None), False),
        (refused(remaining=1), False),
        (Operation(0, "k", None, 0, 1, Outcome.ADMITTED, Decision(True, 0, 0.5)), False),
        (Operation(0, "k", None, 0, 1, Outcome.ERROR, None, "oh"), False),
    ],
)
def test_a_jitter_below_a_tick_is_no_difference(other: Operation, *, alike: bool) -> None:
    assert answered_alike(refused(), other) is alike
    assert answered_alike(other, refused()) is alike


def test_who_tells_no_wait_tells_it_alike() -> None:
    assert answered_alike(refused(wait=None), refused(wait=None))
    assert answered_alike(refused(wait=float("inf")), refused(wait=float("inf")))
    assert not answered_alike(refused(wait=float("inf")), refused(wait=1.0))


def kept(seconds: int, burst: float) -> str:
    told = Telling()
    told.ask("A")
    told.look({"k": (1000 * seconds, 1, 50)})
    bucket = {"kind": "token", "rate": 2.0, "burst": burst}
    return told.judged(lambda tale, story: expiry(tale, replace(story, promise=bucket)))


def test_a_bucket_counts_until_it_is_full() -> None:
    assert kept(10, burst=20) == kept(5, burst=2) == ""
    assert kept(6, burst=2) == "'k' is kept for 6 s, where a window is 1 s"
    assert kept(33, burst=20) == "'k' is kept for 33 s, where a bucket is filled in 10 s"
