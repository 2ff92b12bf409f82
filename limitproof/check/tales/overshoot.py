"""`overshoot`: more was admitted in some interval than the promise allows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from limiters.promise import Promise
from limitproof.check.tales.debts import shelves
from limitproof.check.tales.measure import Measure
from limitproof.check.tales.words import EDGES, between, origin, requests
from limitproof.history.outcome import Outcome
from limitproof.stories import Operation, Tale


@dataclass(frozen=True, slots=True)
class Stretch:
    """So much was admitted for certain within [begin, end] (µs), and so much is allowed there."""

    begin: int
    end: int
    taken: int
    allowed: float


def overshoot(tale: Tale, promise: Promise) -> str:
    """Why a tale breaks the arrival curve; "" when it does not.

    Every stretch from the beginning of one admitted request to the end of another is held against
    the curve: what lies wholly inside was admitted there, whenever it was decided.
    """
    measure = Measure.of(promise)
    for shelf in shelves(tale):
        worst = heaviest((o for o in shelf if o.outcome is Outcome.ADMITTED), measure)
        if worst is not None:
            zero = origin(tale, shelf[0].act)
            when = between(worst.begin, worst.end, zero)
            return (
                f"{requests(worst.taken)} admitted {when}, where {measure} "
                f"allows {int(worst.allowed)} ({EDGES})"
            )
    return ""


def excess_of(tale: Tale, promise: Promise) -> int:
    """By how much the worst stretch is above the curve; 0 when none is."""
    measure = Measure.of(promise)
    found = [
        heaviest((o for o in shelf if o.outcome is Outcome.ADMITTED), measure)
        for shelf in shelves(tale)
    ]
    return max((one.taken - int(one.allowed) for one in found if one), default=0)


def heaviest(admitted: Iterable[Operation], measure: Measure) -> Stretch | None:
    """The stretch that is furthest above the curve, the shortest of these; None when none is."""
    over = [one for one in admitted if one.ended is not None]
    found = [s for first in {one.begun for one in over} for s in _from(first, over, measure)]
    return max(found, key=lambda s: (s.taken - s.allowed, s.begin - s.end), default=None)


def _from(first: int, over: Sequence[Operation], measure: Measure) -> Iterable[Stretch]:
    taken = 0
    inside = ((o.ended, o.weight) for o in over if o.begun >= first and o.ended is not None)
    for end, weight in sorted(inside):
        taken += weight
        allowed = measure.most(end - first)
        if taken > allowed:
            yield Stretch(first, end, taken, allowed)
