"""`remaining`: the figure that a limiter tells of what is left."""

from __future__ import annotations

import math
from collections.abc import Sequence

from limiters.promise import Promise
from limitproof.check.tales.debts import least_debt, most_debt, shelves
from limitproof.check.tales.measure import ROUNDING, Measure, told_in
from limitproof.check.tales.overshoot import heaviest
from limitproof.check.tales.words import EDGES, asked_at, between, costing, origin, requests
from limitproof.history.outcome import Outcome
from limitproof.stories import Operation, Tale

END = f" ({EDGES})"


def remaining(tale: Tale, promise: Promise) -> str:
    """Why a told figure cannot be right; "" when all can.

    After an admission, `limit` less all that counts with it; of a bucket the whole tokens; of a
    fixed window of unknown phase anything from all that is a window old down to this request
    alone. A refused request may tell less (it cannot have more than there is). And what is told to
    several must fit together: those after whom R are left are at most `limit` − R in a window.
    """
    measure = Measure.of(promise)
    for shelf in shelves(tale):
        for one in shelf:
            if why := _alone(one, shelf, measure):
                return f"the request{costing(one)} {asked_at(tale, one)} {why}"
        if why := _together(shelf, measure, origin(tale, shelf[0].act)):
            return why
    return ""


def _alone(one: Operation, shelf: Sequence[Operation], measure: Measure) -> str:
    told = _told(one)
    if told is None:
        return ""
    verb = "is admitted" if one.outcome is Outcome.ADMITTED else "is refused"
    if not (math.isfinite(told) and told >= 0 and told == math.floor(told)):
        said = one.decision.remaining if one.decision else told
        return f"{verb} and told that {said!r} remain, which is no count"
    own = one.weight if one.outcome is Outcome.ADMITTED else 0
    high = _whole(measure.limit - least_debt(one, shelf, measure) - own + ROUNDING)
    if told > high:
        return f"{verb} and told that {told:g} remain, where {measure} leaves at most {high}" + END
    if not own:
        return ""
    low = _whole(
        measure.limit - most_debt(one, shelf, measure) - own - ROUNDING * bool(measure.rate)
    )
    if told < low:
        return f"{verb} and told that {told:g} remain, where {measure} leaves at least {low}" + END
    return ""


def _together(shelf: Sequence[Operation], measure: Measure, zero: int) -> str:
    told = [(one, _told(one)) for one in shelf if one.outcome is Outcome.ADMITTED]
    for rest in sorted({figure for _, figure in told if figure}):
        if rest > measure.limit:
            continue
        these = [one for one, figure in told if figure is not None and figure >= rest]
        worst = heaviest(these, measure.leaving(rest))
        if worst is not None:
            when = between(worst.begin, worst.end, zero)
            return (
                f"{requests(worst.taken)} {when} are told that {rest:g} remain, which "
                f"{measure} leaves to {int(worst.allowed)} at most{END}"
            )
    return ""


def _told(one: Operation) -> float | None:
    if one.outcome not in (Outcome.ADMITTED, Outcome.REJECTED) or one.decision is None:
        return None
    return told_in(one.decision.remaining)


def _whole(rest: float) -> int:
    return max(0, math.floor(rest))
