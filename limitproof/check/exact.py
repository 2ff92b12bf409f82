"""Exactly: can these admissions have kept a limit? One cluster, by difference constraints.

The question is P | r_j, p_j = W, d_j = e_j + W | − on `limit` machines (Simons 1983; Simons and
Warmuth 1989). Let x(t) be the admissions up to t. Every assignment obeys
  x(t) <= #{start <= t},  x(t) − x(t − W) <= limit,
  x(e) − x(u−) >= #{start >= u and end <= e} for all u <= e,
and these have a greatest solution, found by lowering x until nothing changes. Its jumps are the
instants: between any u and e there are as many as operations confined there, so that giving each
to the waiting operation that ends first places them all (Hall, on a convex bipartite graph).
"""

from __future__ import annotations

import heapq
from enum import Enum
from itertools import pairwise

import numpy as np

from limitproof.check.intervals import Intervals
from limitproof.history.columns import Int64s

MOST_OPERATIONS = 2_000
MOST_POINTS = 200_000
MOST_WORK = 150_000_000


class Answer(Enum):
    INFEASIBLE = "infeasible"
    UNDECIDED = "undecided"


def assign(intervals: Intervals, window: int, limit: int) -> Int64s | Answer:
    """Instants (int64 ns, one a row) such that [t, t + window) never holds more than `limit`.

    INFEASIBLE when there are none; UNDECIDED when the cluster is larger than a bounded amount of
    work can decide, never a guess. In units, rows by ascending start.
    """
    n = len(intervals)
    if n <= limit:
        return intervals.end.copy()
    start, due = intervals.start, np.sort(intervals.end)
    if n > MOST_OPERATIONS or n * ((int(due[-1] - start[0])) // window + 1) > MOST_POINTS:
        return Answer.UNDECIDED
    points = _points(start, int(due[-1]), window)
    slots = _greatest(intervals, due, points, window, limit)
    if isinstance(slots, Answer):
        return slots
    return _give(intervals, np.repeat(points, np.diff(slots, prepend=0)))


def _points(start: Int64s, last: int, window: int) -> Int64s:
    """All start + k·window up to the last end: where an earliest assignment places anything."""
    times = (last - start) // window + 1
    offset = np.arange(int(times.sum())) - np.repeat(np.cumsum(times) - times, times)
    return np.unique(np.repeat(start, times) + offset * window)


def _greatest(
    intervals: Intervals, due: Int64s, points: Int64s, window: int, limit: int
) -> Int64s | Answer:
    """The greatest x over the points; INFEASIBLE when there is none."""
    n, start = len(intervals), intervals.start
    x = np.searchsorted(start, points, side="right")
    before = np.searchsorted(points, points - window, side="right")  # 0: no point before
    blocks = np.searchsorted(points, np.arange(points[0], points[-1] + window, window))
    blocks = np.append(blocks, len(points))
    at_due = np.searchsorted(points, due, side="right") - 1
    ended = np.searchsorted(due, due, side="right")
    rank = np.searchsorted(due, intervals.end)  # the first place at which an operation has ended
    opened = np.flatnonzero(np.append(True, start[1:] != start[:-1]))
    opened_point = np.searchsorted(points, start[opened])
    opened_due = np.searchsorted(due, start[opened])
    work = 0
    while True:
        held = x.copy()
        for low, high in pairwise(blocks.tolist()):
            past = before[low:high]
            behind = np.where(past > 0, x[past - 1], 0)
            np.minimum(x[low:high], behind + limit, out=x[low:high])
        x = np.minimum.accumulate(x[::-1])[::-1]
        reached = x[at_due]
        if np.any(reached < ended):
            return Answer.INFEASIBLE
        confined = np.zeros(n, dtype=np.int64)
        cap = np.full(len(opened), n, dtype=np.int64)
        for i in range(len(opened) - 1, -1, -1):
            stop = opened[i + 1] if i + 1 < len(opened) else n
            for row in range(opened[i], stop):
                confined[rank[row] :] += 1
            place = opened_due[i]
            cap[i] = (reached[place:] - confined[place:]).min()
            if cap[i] < 0:
                return Answer.INFEASIBLE
            np.minimum(reached[:place], cap[i], out=reached[:place])
        # x(t) <= cap(u) for all t < u: the least cap of what opens later
        tightest = np.append(np.minimum.accumulate(cap[::-1])[::-1], n)
        x = np.minimum(x, tightest[np.searchsorted(opened_point, np.arange(len(x)), side="right")])
        if x[-1] < n:
            return Answer.INFEASIBLE
        if np.array_equal(held, x):
            return np.asarray(x, dtype=np.int64)
        work += n * (len(opened) + n) + len(points)
        if work > MOST_WORK:
            return Answer.UNDECIDED


def _give(intervals: Intervals, slots: Int64s) -> Int64s:
    """Each slot to the waiting operation that ends first. Every one is in time, see above."""
    instants = np.empty(len(slots), dtype=np.int64)
    waiting: list[tuple[int, int]] = []
    arrived = 0
    for slot in slots.tolist():
        while arrived < len(slots) and intervals.start[arrived] <= slot:
            heapq.heappush(waiting, (int(intervals.end[arrived]), arrived))
            arrived += 1
        due, row = heapq.heappop(waiting)
        if due < slot:
            raise AssertionError("the greatest solution gave a slot that nothing can take")
        instants[row] = slot
    return instants
