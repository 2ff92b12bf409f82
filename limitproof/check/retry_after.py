"""`retry-after`: when a limiter tells a refused client to come back."""

from __future__ import annotations

import numpy as np

from limiters.promise import Promise
from limitproof.check.timeline import Timeline, lay_out
from limitproof.check.told import right, tell
from limitproof.check.verdict import CheckResult
from limitproof.check.yardstick import TOLERANCE, Yardstick
from limitproof.history.columns import Floats, History, Int64s
from limitproof.history.meta import NANOSECONDS

EARLY = TOLERANCE / NANOSECONDS
LATE = 2 * EARLY  # the clock's resolution, and that of a figure rounded up to milliseconds

HALF_A_MILLISECOND = 0.0005  # s: less reads as 0.000


def retry_after(history: History, promise: Promise) -> CheckResult:
    """Judges `retry_after` of refused operations against the instant at which a place is free.

    That is the limit-th newest admission plus a window, not the oldest one in the window. Too
    early: a client that waits so long after the answer is refused again for certain. Too late:
    more than it takes, counted from the request. Figures that are all whole seconds may be
    rounded up. A fixed window bounds it by 0 and the window; a token bucket is not judged.
    measured: told, wrong, too_early, too_late, no_time (negative or not finite). Operations on
    keys where something costs more than one unit are only held to that last one.
    """
    yardstick = Yardstick.of(promise)
    line = lay_out(history, yardstick)
    refused = line.refused
    told = refused.where(~np.isnan(history.operations.retry_after[refused.rows]))
    values = history.operations.retry_after[told.rows]
    nonsense = ~np.isfinite(values) | (values < 0)
    sane = ~nonsense
    whole = bool(np.all(values[sane] == np.floor(values[sane])))
    low, high = _bounds(line, told, yardstick)
    faults = {
        "too early": sane & (values < low - EARLY),
        "too late": sane & (values > high + LATE + (1.0 if whole else 0.0)),
        "no time": nonsense,
    }
    low, high = np.maximum(np.nan_to_num(low), 0.0), np.maximum(high, 0.0)
    bounds = np.fmin(low, high), np.where(np.isnan(high), high, np.maximum(low, high))
    return tell(
        history, "retry-after", line, told, faults, bounds, yardstick,
        say=_say, judged=yardstick.kind != "token",
    )  # fmt: skip


def _say(value: float, low: float, high: float) -> str:
    if not np.isfinite(value):
        return f"told {value:g}, which is no time to wait"
    said = f"{value:.3f} s" if abs(value) >= HALF_A_MILLISECOND else f"{value:g} s"
    if value < 0:
        return f"told {said}, which is no time to wait"
    if high == 0:
        return f"told {said} although there was room already"
    if np.isnan(high):
        return f"told {said} where {_seconds(low)} s or more would be right"
    return f"told {said} where {right(_seconds(low), _seconds(high))} s would be right"


def _seconds(bound: float) -> str:
    """To the millisecond; 0 without decimals."""
    return f"{bound:.3f}" if bound >= HALF_A_MILLISECOND else "0"


def _bounds(line: Timeline, told: Timeline, yardstick: Yardstick) -> tuple[Floats, Floats]:
    """The least and the most seconds that are right, NaN where there is no bound."""
    low = np.full(len(told), np.nan)
    high = low.copy()
    if yardstick.kind == "fixed":
        return np.zeros(len(told)), np.full(len(told), yardstick.window / NANOSECONDS)
    if yardstick.kind == "token" or not len(told):
        return low, high
    limit, at = yardstick.limit, told.intervals
    dear = np.zeros(len(line.keys), dtype=np.bool_)
    dear[line.segment[line.intervals.cost != 1]] = True
    cheap = ~dear[told.segment]
    # the limit-th newest of those certainly before is no older than the oldest of the last
    # `limit` to end; more admissions than those only make it newer
    sure = line.admitted
    order = np.argsort(sure.intervals.end, kind="stable")
    oldest = rolling_minimum(sure.intervals.start[order], limit)
    ended = np.searchsorted(sure.intervals.end[order], at.start, side="left")
    enough = cheap & (ended - _ahead(sure, told) >= limit)
    free = oldest[ended[enough] - 1] + yardstick.window
    low[enough] = (free - at.end[enough]) / NANOSECONDS
    # all but limit − 1 of those possibly before started earlier: none newer than the newest end
    maybe = line.possibly_admitted
    newest = np.maximum.accumulate(maybe.intervals.end)
    started = np.searchsorted(maybe.intervals.start, at.end, side="right")
    enough = cheap & (started - _ahead(maybe, told) >= limit)
    free = newest[started[enough] - limit] + yardstick.window
    high[enough] = (free - at.start[enough]) / NANOSECONDS
    return low, high


def _ahead(among: Timeline, told: Timeline) -> Int64s:
    """How many rows of `among` belong to keys that lie before each row's own on the line."""
    return np.searchsorted(among.segment, told.segment, side="left")


def rolling_minimum(values: Int64s, width: int) -> Int64s:
    """For every place the least of the last `width` values, itself included; fewer at the start.

    By doubling: the minimum over 2k values is the lesser of two over k, so n·log(width) in all.
    """
    least, span = values.copy(), 1
    while span < width:
        step = min(span, width - span)
        shifted = least[:-step].copy() if step < len(least) else least[:0]
        np.minimum(least[step:], shifted, out=least[step:])
        span += step
    return least
