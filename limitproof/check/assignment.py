"""An instant for every admission of a whole history, and the least peak that any choice gives."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from limitproof.check.exact import MOST_OPERATIONS, Answer, assign
from limitproof.check.greedy import by_deadline, in_order
from limitproof.check.intervals import Intervals
from limitproof.check.occupancy import possible_counts
from limitproof.history.columns import Bools, Int64s


class Effort(IntEnum):
    """How far to go: the two vectorised witnesses; small clusters exactly; all by deadline too."""

    WITNESS = 0
    SMALL = 1
    ALL = 2


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


def keep_limit(
    intervals: Intervals, window: int, limit: int, effort: Effort = Effort.ALL
) -> Assignment:
    """Decides whether instants exist such that no [t, t + window) holds more than `limit` units.

    All crowded clusters at once are tried by ascending start and by ascending end; each that is
    left is decided exactly, or by deadline where it is too large for that, as far as the effort
    allows: by deadline costs a Python step an operation.
    """
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
    if effort is Effort.WITNESS:
        return Assignment(None, instants)
    return _each(units, left, window, limit, instants, effort)


def least_peak(
    intervals: Intervals, window: int, low: int, high: int, effort: Effort = Effort.ALL
) -> int | None:
    """The least peak over all choices of instants, known to lie within [low, high].

    None when a cluster was too large to decide.
    """
    low = max(low, 1)
    probe = low  # most often the certain peak is the least one
    while low < high:
        feasible = keep_limit(intervals, window, probe, effort).feasible
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
    units: Intervals,
    left: _Clusters,
    window: int,
    limit: int,
    instants: Int64s,
    effort: Effort,
) -> Assignment:
    """Every cluster that the witnesses left, one by one; the first impossible one settles it."""
    decided = True
    for first, size in zip(left.first.tolist(), left.size.tolist(), strict=True):
        rows = slice(first, first + size)
        cluster = units.select(rows)
        answer: Int64s | Intervals | Answer = assign(cluster, window, limit)
        if answer is Answer.UNDECIDED and effort is Effort.ALL:
            answer = _large(cluster, window, limit)
        if isinstance(answer, Intervals):
            return Assignment(False, instants, answer)
        if answer is Answer.INFEASIBLE:
            return Assignment(False, instants, cluster)
        if answer is Answer.UNDECIDED:
            decided = False
        else:
            instants[rows] = answer
    return Assignment(True if decided else None, instants)


def _large(cluster: Intervals, window: int, limit: int) -> Int64s | Intervals | Answer:
    """By deadline; where that misses one, exactly on what lies just before it.

    Operations that do not fit by themselves do not fit among others: they are a proof.
    """
    instants, placed = by_deadline(cluster, window, limit)
    if placed == len(cluster):
        return instants
    missed = int(cluster.end[placed])
    stop = int(np.searchsorted(cluster.start, missed, side="right"))
    for size in (MOST_OPERATIONS // 8, MOST_OPERATIONS // 2, MOST_OPERATIONS):
        part = cluster.select(slice(max(0, stop - size), stop))
        if assign(part, window, limit) is Answer.INFEASIBLE:
            return part
    return Answer.UNDECIDED
