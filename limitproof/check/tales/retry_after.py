"""`retry-after`: when a limiter tells a refused client to come back."""

from __future__ import annotations

import math
from collections.abc import Sequence

from limiters.promise import Promise
from limitproof.check.tales.acts import SECOND, TOLERANCE
from limitproof.check.tales.debts import before, least_debt, shelves
from limitproof.check.tales.measure import ROUNDING, Measure, told_in
from limitproof.check.tales.words import asked_at, costing, ms
from limitproof.history.outcome import Outcome
from limitproof.stories import Operation, Tale

WITHIN = "(within 1 ms)"
FOREVER = 10_000 * 365 * 86_400 * SECOND  # µs; who is told more, 1e308 s perhaps, is told this


def retry_after(tale: Tale, promise: Promise) -> str:
    """Why a told time to wait is wrong; "" when none is.

    Too short: whoever waits so long and asks again, with nobody in between, is refused; or the
    promise has no room yet by then, as it never has for a cost above the limit. Too long: asked
    again a tolerance earlier, with nobody in between, it is admitted. A figure of whole seconds
    may be rounded up. It is counted from whichever instant between the request's beginning and its
    end is kinder.
    """
    measure = Measure.of(promise)
    for shelf in shelves(tale):
        for one in shelf:
            told = told_of(one)
            if told is None or (told == math.inf and one.weight > measure.limit):
                continue
            if why := _wrong(tale, one, told, shelf, measure):
                return f"the request{costing(one)} {asked_at(tale, one)} is refused {why}"
    return ""


def told_of(one: Operation) -> float | None:
    """Seconds that a refused request was told to wait; None when it was not, NaN for no number."""
    if one.outcome is not Outcome.REJECTED or one.decision is None:
        return None
    return told_in(one.decision.retry_after)


def _wrong(
    tale: Tale, one: Operation, told: float, shelf: Sequence[Operation], measure: Measure
) -> str:
    if not math.isfinite(told) or told < 0:
        figure = one.decision.retry_after if one.decision else told
        return f"and told to wait {figure!r} s, which is no time to wait"
    wait, ended = min(told * SECOND, FOREVER), one.ended or one.begun
    said = f"and told to wait {ms(wait) if wait < FOREVER else f'{told:g} s'}"
    if measure.kind != "fixed":
        debt = least_debt(one, shelf, measure, math.floor(ended + wait))
        if debt + one.weight > measure.limit + 2 * ROUNDING:
            return f"{said}, but by then {measure} has no room yet {WITHIN}"
    again = _again(one, shelf)
    if again is None or again.ended is None:
        return ""
    then = f"{asked_at(tale, again)}, with nobody in between {WITHIN}"
    short = again.weight <= one.weight and again.begun - ended >= wait + TOLERANCE
    if again.outcome is Outcome.REJECTED and short:
        return f"{said}, and refused again {then}"
    slack = SECOND if told == math.floor(told) else TOLERANCE
    long = again.weight >= one.weight and again.ended - one.begun <= wait - slack
    if again.outcome is Outcome.ADMITTED and long:
        return f"{said}, but admitted already {then}"
    return ""


def _again(one: Operation, shelf: Sequence[Operation]) -> Operation | None:
    """The next request after this one; None where others were under way with one of them."""
    others = [other for other in shelf if other is not one and not before(other, one)]
    if not others or not before(one, others[0]):
        return None
    again = others[0]
    alone = all(before(again, other) for other in others[1:])
    return again if alone else None
