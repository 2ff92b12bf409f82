"""How many admissions a window holds, for certain and at most, when their instants are uncertain.

A window is half-open, [x, x + span): two admissions exactly `span` apart are not in one. After
the occupancy bounds of real-time scheduling (demand bound functions, Baruah et al. 1990).
"""

from __future__ import annotations

import numpy as np

from limitproof.check.intervals import Intervals, Tally
from limitproof.history.columns import Floats, Int64s


def certain_counts(intervals: Intervals, span: int) -> Int64s:
    """For every interval's start x, in order: the units that lie within [x, x + span) for certain.

    Certain is what starts at or after x and ends before x + span. An operation that lasts `span`
    or longer never is, and leaving those out makes the difference of two cumulative counts exact:
    whatever then ends before x + span, less what starts before x.
    """
    brief = intervals.end - intervals.start < span
    confined = intervals if brief.all() else intervals.select(brief)
    counts = confined.ends().before(intervals.start + span)
    counts -= confined.starts().before(intervals.start)
    return counts


def possible_counts(intervals: Intervals, span: int) -> Int64s:
    """For every interval's end t, in order: the units that can lie within [t, t + span).

    The fullest window may be moved right until its first admission is as late as it can be, so
    the ends are the only instants to look at.
    """
    counts = intervals.starts().before(intervals.end + span)
    counts -= intervals.ends().before(intervals.end)
    return counts


def possible_before(at: Intervals, among: Intervals, window: int) -> Int64s:
    """For every operation of `at`: the units of `among` that its decision may have counted.

    It looked back over `window` ns from an instant in its [start, end]. An operation that is in
    `among` itself counts itself.
    """
    counts = among.starts().until(at.end)
    counts -= among.ends().before(at.start - window)
    return counts


def certain_before(at: Intervals, among: Intervals, window: int) -> Int64s:
    """For every operation of `at`: the units of `among` that its decision must have counted.

    A lower bound (ended before it started, and started less than `window` ns before it ended),
    exact when no operation lasts as long as the window. It never counts itself.
    """
    counts = among.ends().before(at.start)
    counts -= among.starts().until(at.end - window)
    return np.maximum(counts, 0, out=counts)


def highest_water(intervals: Intervals, rate: float) -> tuple[float, int, int]:
    """The highest level that a bucket leaking `rate` units per ns reaches for certain.

    Returns (level, x, y): the units certainly admitted within [x, y] less rate·(y − x), at its
    largest over all x <= y; (0, 0, 0) where that is not above 0. With A(y) the units that end by y
    and B(x) those that start before x, it is A(y) − rate·y less the least B(x) − rate·x, x <= y.
    An operation that starts before x and ends after y is subtracted although it lies outside,
    so that long operations hide others: the search is made again without the longest.
    """
    best = (0.0, 0, 0)
    lasting = intervals.end - intervals.start
    for limit in sorted(
        {int(np.quantile(lasting, q)) for q in (0.5, 0.9, 0.99, 1.0)} if len(intervals) else ()
    ):
        brief = intervals.select(lasting <= limit)
        level, opened, closed = _levels(brief.starts(), brief.ends(), rate)
        top = int(np.argmax(level))
        best = max(best, (float(level[top]), int(opened[top]), int(closed[top])))
    return best


def _levels(starts: Tally, ends: Tally, rate: float) -> tuple[Floats, Int64s, Int64s]:
    """For every end y in order: the level, the x that gives it, and y."""
    origin = starts.at[0]
    dips = starts.before(starts.at) - rate * (starts.at - origin)
    lowest = np.minimum.accumulate(dips)
    # where the running minimum was reached last: the x that belongs to it
    chosen = np.maximum.accumulate(np.where(dips <= lowest, np.arange(len(dips)), 0))
    last = np.searchsorted(starts.at, ends.at, side="right") - 1
    level = ends.until(ends.at) - rate * (ends.at - origin) - lowest[last]
    return level, starts.at[chosen[last]], ends.at


def possible_water(intervals: Intervals, rate: float) -> float:
    """The highest level that the same bucket may reach: everything that can touch [x, y]."""
    if not len(intervals):
        return 0.0
    starts, ends = intervals.starts(), intervals.ends()
    origin = starts.at[0]
    # at its fullest, the interval [x, y] opens at an end and closes at a start, or is one instant
    lowest = np.minimum.accumulate(ends.before(ends.at) - rate * (ends.at - origin))
    last = np.searchsorted(ends.at, starts.at, side="right") - 1
    reach = starts.until(starts.at)
    level = np.where(last >= 0, reach - rate * (starts.at - origin) - lowest[last], 0.0)
    instant = reach - ends.before(starts.at)
    return float(max(level.max(), instant.max()))
