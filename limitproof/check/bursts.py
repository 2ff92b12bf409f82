"""The worst burst of a history: more certain admissions in one stretch than any window allows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from limitproof.check.intervals import Intervals
from limitproof.check.occupancy import (
    certain_counts,
    highest_water,
    possible_counts,
    possible_water,
)
from limitproof.check.timeline import Timeline
from limitproof.check.yardstick import TOLERANCE, Yardstick


@dataclass(frozen=True, slots=True)
class Burst:
    """`units` certainly admitted within [start, end] (instants of a line), on one segment.

    They draw on the quotas of `windows` windows, so that one of these held `peak` or more. For a
    token bucket `peak` is the level that the bucket needed.
    """

    segment: int
    start: int
    end: int
    units: int
    windows: int
    peak: int


def worst_burst(admitted: Timeline, yardstick: Yardstick) -> Burst | None:
    """The certain burst with the highest peak; None when nothing was admitted.

    Looks at stretches of one window, and of several: 1 too many in each of ten fixed windows is
    within any two windows' quotas, not within eleven's.
    """
    if not len(admitted):
        return None
    if yardstick.kind == "token":
        return _worst_level(admitted, yardstick)
    best: Burst | None = None
    for spans in stretches(yardstick, admitted.spans):
        # a stretch of no length is one instant, which lies in one fixed window only
        length = spans * yardstick.strict if spans else 1
        counts = certain_counts(admitted.intervals, length)
        top = int(np.argmax(counts))
        windows = yardstick.windows_in(spans)
        peak = math.ceil(int(counts[top]) / windows)
        if best is None or peak > best.peak:
            best = _burst(admitted, top, length, int(counts[top]), windows, peak)
    return best


def stretches(yardstick: Yardstick, longest: int) -> Iterator[int]:
    """The lengths to look at, in windows: all the short ones, then ever coarser."""
    spans = 0 if yardstick.kind == "fixed" else 1
    most = longest if yardstick.kind == "fixed" else min(longest, 8)
    while spans <= most:
        yield spans
        spans += 1 + (spans // 16 if yardstick.kind == "fixed" else spans // 4)


def possible_peak(possibly: Timeline, yardstick: Yardstick) -> int:
    """The most that some choice of instants puts into one window (a token bucket: the level)."""
    if not len(possibly):
        return 0
    if yardstick.rate is not None:
        return math.floor(possible_water(possibly.intervals, yardstick.rate))
    return int(possible_counts(possibly.intervals, yardstick.loose).max())


def _burst(
    admitted: Timeline, first: int, length: int, units: int, windows: int, peak: int
) -> Burst:
    start = int(admitted.intervals.start[first])
    near: Intervals = admitted.intervals.select(
        slice(first, int(np.searchsorted(admitted.intervals.start, start + length)))
    )
    ends = near.end[near.end < start + length]
    end = int(ends.max()) if len(ends) else start
    return Burst(int(admitted.segment[first]), start, end, units, windows, peak)


def _worst_level(admitted: Timeline, yardstick: Yardstick) -> Burst:
    """A token bucket's burst: what it must have held beyond what dripped in meanwhile."""
    rate = yardstick.rate or 0.0
    level, start, end = highest_water(admitted.intervals, rate)
    # the clock may have been a tolerance further; tokens are kept as floats by many
    needed = level - rate * TOLERANCE - 1e-6
    first = int(np.searchsorted(admitted.intervals.start, start))
    units = round(level + rate * (end - start))
    peak = math.ceil(needed - yardstick.burst) + yardstick.limit
    return Burst(int(admitted.segment[first]), start, end, units, 1, max(peak, 0))
