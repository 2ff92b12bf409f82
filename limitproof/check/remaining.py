"""`remaining`: what a limiter tells of the requests that are left."""

from __future__ import annotations

import numpy as np

from limiters.promise import Promise
from limitproof.check.occupancy import certain_before, possible_before
from limitproof.check.timeline import lay_out
from limitproof.check.told import right, tell
from limitproof.check.verdict import CheckResult
from limitproof.check.yardstick import Yardstick
from limitproof.history.columns import History
from limitproof.history.outcome import Outcome


def remaining(history: History, promise: Promise) -> CheckResult:
    """Judges `remaining` of admitted operations between what was certain and what was possible.

    Right is limit − cost − (admitted before, in the window); a fixed window may have just begun,
    so that nothing but limit − cost bounds it above. A refused operation may tell anything but a
    negative number. A token bucket tells its tokens, which is not judged. measured: told, wrong,
    too_high, too_low, no_count (negative or not finite).
    """
    yardstick = Yardstick.of(promise)
    line = lay_out(history, yardstick)
    answered = line.having(Outcome.ADMITTED, Outcome.REJECTED)
    told = answered.where(~np.isnan(history.operations.remaining[answered.rows]))
    values = history.operations.remaining[told.rows]
    passed = told.ended(Outcome.ADMITTED)
    admitted, possibly = line.admitted.intervals, line.possibly_admitted.intervals
    place = (yardstick.limit - told.intervals.cost).astype(np.float64)
    high = place
    if yardstick.kind == "sliding":
        high = np.maximum(place - certain_before(told.intervals, admitted, yardstick.strict), 0.0)
    itself = np.where(passed, told.intervals.cost, 0)
    before = possible_before(told.intervals, possibly, yardstick.loose) - itself
    low = np.maximum(place - before, 0.0)
    high = np.where(passed, high, np.nan)
    low = np.where(passed, low, 0.0)
    nonsense = ~np.isfinite(values) | (values < 0)
    judged = passed & ~nonsense & (yardstick.kind != "token")
    faults = {
        "too high": judged & (values > high),
        "too low": judged & (values < low),
        "no count": nonsense,
    }
    return tell(
        history, "remaining", line, told, faults, (low, high), yardstick,
        say=_say, judged=yardstick.kind != "token",
    )  # fmt: skip


def _say(value: float, low: float, high: float) -> str:
    if not np.isfinite(value) or value < 0:
        return f"told {value:g}, which is no count of requests"
    return f"told {value:g} where {right(f'{low:g}', f'{high:g}')} would be right"
