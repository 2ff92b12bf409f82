"""Does a series grow for good? A robust slope, and whether it is still rising at the end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median

MOST_POINTS = 400
FEWEST_POINTS = 5
SMALL_BYTES = 128.0
SMALL_SHARE = 0.15


@dataclass(frozen=True, slots=True)
class Slope:
    """Theil–Sen: the median of all pairwise slopes, and the low end of its 95 % interval.

    Source: Sen (1968).
    """

    slope: float
    low: float


def theil_sen(x: Sequence[float], y: Sequence[float]) -> Slope:
    """The robust slope of y over x, on at most `MOST_POINTS` evenly chosen points.

    x never falls. All zero for fewer than two distinct x.
    """
    points = _chosen(list(zip(x, y, strict=True)))
    slopes = sorted((d - b) / (c - a) for (a, b), (c, d) in combinations(points, 2) if c > a)
    if not slopes:
        return Slope(0.0, 0.0)
    n, pairs = len(points), len(slopes)
    spread = 1.96 * math.sqrt(n * (n - 1) * (2 * n + 5) / 18)
    low = max(0, math.floor((pairs - spread) / 2))
    return Slope(median(slopes), slopes[low])


def _chosen(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    if len(points) <= MOST_POINTS:
        return points
    step = (len(points) - 1) / (MOST_POINTS - 1)
    return [*(points[int(place * step)] for place in range(MOST_POINTS - 1)), points[-1]]


def grows(x: Sequence[float], y: Sequence[float]) -> bool:
    """True for a series that rises beyond doubt and has not begun to level off.

    Its slope is positive for certain and adds up to more than a trifle; the last third peaks
    above the first; and from the second third to the last it rises at least a quarter of what it
    rose in all, by the peaks and by the medians: of a list that is cut at a length the bytes go up
    and down. A key population that fills up for its first lifetime rises as well, but is level by
    the end; a leak rises by half.
    """
    if len(x) < FEWEST_POINTS:
        return False
    slope = theil_sen(x, y)
    one, two = -(-len(y) // 3), -(-2 * len(y) // 3)
    thirds = (y[:one], y[one:two], y[two:])
    first, middle, last = map(max, thirds)
    gained = slope.slope * (x[-1] - x[0])
    return (
        slope.low > 0
        and gained > max(SMALL_BYTES, SMALL_SHARE * first)
        and last > first
        and _still_rises(first, middle, last)
        and _still_rises(*map(median, thirds))
    )


def _still_rises(first: float, middle: float, last: float) -> bool:
    return last - middle > 0.25 * (last - first)
