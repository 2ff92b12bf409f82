"""Does a series grow for good? A robust slope, and whether it is still rising at the end."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from limitproof.history.columns import Floats

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


def theil_sen(x: Floats, y: Floats) -> Slope:
    """The robust slope of y over x, on at most `MOST_POINTS` evenly chosen points.

    All zero for fewer than two distinct x.
    """
    if len(x) > MOST_POINTS:
        chosen = np.unique(np.linspace(0, len(x) - 1, MOST_POINTS).astype(np.intp))
        x, y = x[chosen], y[chosen]
    first, second = np.triu_indices(len(x), 1)
    run = x[second] - x[first]
    rise = (y[second] - y[first])[run > 0]
    slopes = np.sort(rise / run[run > 0])
    if not len(slopes):
        return Slope(0.0, 0.0)
    n, pairs = len(x), len(slopes)
    spread = 1.96 * math.sqrt(n * (n - 1) * (2 * n + 5) / 18)
    low = max(0, math.floor((pairs - spread) / 2))
    return Slope(float(np.median(slopes)), float(slopes[low]))


def grows(x: Floats, y: Floats) -> bool:
    """True for a series that rises beyond doubt and has not begun to level off.

    Its slope is positive for certain and adds up to more than a trifle; the last third peaks
    above the first; and from the second third to the last it rises at least a quarter of what it
    rose in all. A key population that fills up for its first lifetime rises as well, but is level
    by the end; a leak rises by half.
    """
    if len(x) < FEWEST_POINTS:
        return False
    slope = theil_sen(x, y)
    first, middle, last = (float(third.max()) for third in np.array_split(y, 3))
    gained = slope.slope * float(x[-1] - x[0])
    return (
        slope.low > 0
        and gained > max(SMALL_BYTES, SMALL_SHARE * first)
        and last > first
        and last - middle > 0.25 * (last - first)
    )
