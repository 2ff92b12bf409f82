"""An instant for every admission of a whole history, and the least peak that any choice gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from limitproof.check.exact import MOST_STEPS, Infeasible, Undecided, assign
from limitproof.check.greedy import in_order
from limitproof.check.intervals import Intervals
from limitproof.check.occupancy import possible_counts
from limitproof.history.columns import Bools, Int64s


@dataclass(frozen=True, slots=True)
class Assignment:
    """Can the limit have been kept? `feasible` is None when a cluster was too large to decide.

    instants: int64 ns, one a unit, by ascending start: a witness where `feasible` is True, else
    the closest that a greedy choice came, held inside the intervals. proof: the intervals that
    no choice of instants fits, where `feasible` is False.
    """

    feasible: bool | None
    instants: Int64s
    proof: Intervals | None = None


@dataclass(frozen=True, slots=True)
class _Clusters:
    """Stretches of rows with no gap of a window inside, that could hold more than the limit."""

    first: Int64s
    size: Int64s

    def rows(self) -> Int64s:
        ahead = np.cumsum(self.size) - self.size
        rows = np.arange(int(self.size.sum())) + np.repeat(self.first - ahead, self.size)
        return np.asarray(rows, dtype=np.int64)

    def starts(self) -> Int64s:
        """Where each begins among `rows()`."""
        return np.asarray(np.cumsum(self.size) - self.size, dtype=np.int64)

    def where(self, mask: Bools) -> _Clusters:
        return _Clusters(self.first[mask], self.size[mask])


MOST_UNITS = 10_000_000
"""Operations are taken apart into units of cost; more of them than this are not decided."""


def keep_limit(
    intervals: Intervals, window: int, limit: int, most_steps: int = MOST_STEPS
) -> Assignment:
    """Decides whether instants exist such that no [t, t + window) holds more than `limit` units.

    All crowded clusters at once are tried by ascending start and by ascending end; each that is
    left is decided exactly, as far as `most_steps` go for all of them together.
    """
    if not intervals.unit and int(intervals.cost.sum(dtype=np.int64)) > MOST_UNITS:
        return Assignment(None, intervals.end)
    units = intervals.in_units()
    instants = units.end.copy()
    left = _crowded(units, window, limit)
    for by_end in (False, True):
        if not len(left.first):
            return Assignment(True, instants)
        rows = left.rows()
        if by_end:
            cluster = np.repeat(np.arange(len(left.first)), left.size)
            rows = rows[np.lexsort((units.end[rows], cluster))]
        chosen = in_order(units.start[rows], left.size, window, limit)
        if chosen is None:
            break
        end = units.end[rows]
        late = np.logical_or.reduceat(chosen > end, left.starts())
        # an order that fails is kept from the first only, for those who count the excess
        kept = np.repeat(~late, left.size) if by_end else slice(None)
        instants[rows[kept]] = np.minimum(chosen, end)[kept]
        left = left.where(late)
    return _each(units, left, window, limit, instants, most_steps)


def least_peak(
    intervals: Intervals, window: int, low: int, high: int, most_steps: int = MOST_STEPS
) -> int | None:
    """The least peak over all choices of instants, known to lie within [low, high].

    None when a cluster was too large to decide.
    """
    low = max(low, 1)
    probe = low  # most often the certain peak is the least one
    while low < high:
        feasible = keep_limit(intervals, window, probe, most_steps).feasible
        if feasible is None:
            return None
        low, high = (low, probe) if feasible else (probe + 1, high)
        probe = (low + high) // 2
    return low


def _crowded(units: Intervals, window: int, limit: int) -> _Clusters:
    if not len(units):
        return _Clusters(np.empty(0, np.int64), np.empty(0, np.int64))
    latest = np.maximum.accumulate(units.end)
    first = np.flatnonzero(np.append(True, units.start[1:] - latest[:-1] >= window))
    size = np.diff(np.append(first, len(units)))
    clusters = _Clusters(first, size)
    if not (size > limit).any():
        return clusters.where(size > limit)
    return clusters.where(np.maximum.reduceat(possible_counts(units, window), first) > limit)


def _each(
    units: Intervals, left: _Clusters, window: int, limit: int, instants: Int64s, most_steps: int
) -> Assignment:
    """Every cluster that the witnesses left, one by one; the first impossible one settles it."""
    decided = True
    for first, size in zip(left.first.tolist(), left.size.tolist(), strict=True):
        rows = slice(first, first + size)
        cluster = units.select(rows)
        match assign(cluster, window, limit, most_steps):
            case Infeasible(row):
                return Assignment(False, instants, _narrowed(cluster, row, window, limit))
            case Undecided():
                decided = False
            case found:
                instants[rows] = found
        most_steps -= size
    return Assignment(True if decided else None, instants)


def _narrowed(cluster: Intervals, row: int, window: int, limit: int) -> Intervals:
    """A smaller part about `row` that is impossible by itself: a proof that can be read."""
    reach = 8
    while reach < len(cluster):
        part = cluster.select(slice(max(0, row - reach), row + reach))
        if isinstance(assign(part, window, limit), Infeasible):
            return part
        reach *= 2
    return cluster
