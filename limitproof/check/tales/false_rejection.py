"""`false-rejection`: refused although even the largest possible debt left room."""

from __future__ import annotations

from limiters.promise import Promise
from limitproof.check.tales.debts import most_debt, shelves
from limitproof.check.tales.measure import ROUNDING, Measure
from limitproof.check.tales.words import EDGES, asked_at, costing
from limitproof.history.outcome import Outcome
from limitproof.stories import Tale


def false_rejection(tale: Tale, promise: Promise) -> str:
    """Why a refusal was wrong; "" when none was.

    A fixed window that is full holds its limit of requests no older than a window, so that the
    same count judges it.
    """
    measure = Measure.of(promise)
    for shelf in shelves(tale):
        for one in shelf:
            if one.outcome is not Outcome.REJECTED:
                continue
            debt = most_debt(one, shelf, measure)
            slack = ROUNDING if measure.rate is not None else 0.0
            if measure.limit - debt - slack >= one.weight:
                return (
                    f"the request{costing(one)} {asked_at(tale, one)} is refused with at most "
                    f"{debt:.6g} taken, where {measure} has room for it ({EDGES})"
                )
    return ""
