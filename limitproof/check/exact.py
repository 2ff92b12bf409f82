"""Exactly: can these admissions have kept a limit? One cluster, by difference constraints.

The question is P | r_j, p_j = W, d_j = e_j + W | − on `limit` machines (Simons 1983; Simons and
Warmuth 1989). Let x(t) be the admissions up to t. Every assignment obeys
  x(t) <= #{start <= t},  x(t) − x(t − W) <= limit,
  x(e) − x(u−) >= #{start >= u and end <= e} for all u <= e,
and these have a greatest solution, found by lowering x until nothing changes. Its jumps are the
instants: between any u and e there are as many as operations confined there, so that giving each
to the waiting operation that ends first places them all (Hall, on a convex bipartite graph).

Here x is held as its jumps, slot_1 <= … <= slot_n, which only ever move later:
  slot_k >= start_k,  slot_k >= slot_(k−limit) + W,  slot_k >= u for all k > cap(u),
where cap(u), the least of x(e) − #{start >= u and end <= e} over e, is how many slots may lie
before u. It is found by letting operations, the latest start first, each take the latest free slot
up to its end: the lowest slot then taken is cap(u) + 1. A round costs a few steps an operation.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np

from limitproof.check.intervals import FURTHEST, Intervals
from limitproof.history.columns import Int64s

MOST_STEPS = 10_000_000


@dataclass(frozen=True, slots=True)
class Infeasible:
    """No instants exist; the contradiction showed at this row."""

    row: int


@dataclass(frozen=True, slots=True)
class Undecided:
    """The work that was allowed did not suffice."""


def assign(
    intervals: Intervals, window: int, limit: int, most_steps: int = MOST_STEPS
) -> Int64s | Infeasible | Undecided:
    """Instants (int64 ns, one a row) such that [t, t + window) never holds more than `limit`.

    Undecided when `most_steps` operations times rounds are not enough, never a guess. In units,
    rows by ascending start.
    """
    n = len(intervals)
    if n <= limit:
        return intervals.end.copy()
    if n // limit * window > FURTHEST:
        return Infeasible(n - 1)
    after = np.searchsorted(intervals.start, intervals.end, side="right").tolist()
    slots = _a_window_apart(intervals.start, window, limit)
    for _ in range(most_steps // n):
        caps = _caps(np.searchsorted(slots, intervals.end, side="right").tolist(), after)
        if isinstance(caps, Infeasible):
            return caps
        opened = np.searchsorted(caps, np.arange(n), side="right") - 1
        raised = np.where(opened >= 0, np.maximum(slots, intervals.start[opened]), slots)
        if np.array_equal(raised, slots):
            return _give(intervals, slots)
        slots = _a_window_apart(raised, window, limit)
    return Undecided()


def _a_window_apart(slots: Int64s, window: int, limit: int) -> Int64s:
    """The earliest slots no earlier than these with slot_k >= slot_(k−limit) + window.

    Ascending when these are. A running maximum of slot − row·window in each column of a table
    of `limit` columns.
    """
    rows = -(-len(slots) // limit)
    table = np.full((rows, limit), FURTHEST, dtype=np.int64)
    table.reshape(-1)[: len(slots)] = slots
    table -= (np.arange(rows) * window)[:, None]
    np.maximum.accumulate(table, axis=0, out=table)
    table += (np.arange(rows) * window)[:, None]
    return np.asarray(table.reshape(-1)[: len(slots)])


def _caps(reach: list[int], after: list[int]) -> Int64s | Infeasible:
    """cap(start) for every row, ascending; at equal starts the first row has the right one.

    reach: slots up to each row's end; after: the first row that starts after each row's end, whose
    cap, known by then, bounds the reach as well.
    """
    n = len(reach)
    caps = [n] * (n + 1)
    free = list(range(n + 1))  # the latest free slot up to each, along a path; 0: none
    lowest = n
    for row in range(n - 1, -1, -1):
        slot = min(reach[row], caps[after[row]])
        while free[slot] != slot:
            free[slot] = slot = free[free[slot]]
        if not slot:
            return Infeasible(row)
        free[slot] = slot - 1
        lowest = min(lowest, slot - 1)
        caps[row] = lowest
    return np.array(caps[:n], dtype=np.int64)


def _give(intervals: Intervals, slots: Int64s) -> Int64s:
    """Each slot to the waiting operation that ends first. Every one is in time, see above."""
    start, end = intervals.start.tolist(), intervals.end.tolist()
    instants = [0] * len(start)
    waiting: list[tuple[int, int]] = []
    arrived = 0
    for slot in slots.tolist():
        while arrived < len(start) and start[arrived] <= slot:
            heapq.heappush(waiting, (end[arrived], arrived))
            arrived += 1
        due, row = heapq.heappop(waiting)
        if due < slot:
            raise AssertionError("the greatest solution gave a slot that nothing can take")
        instants[row] = slot
    return np.array(instants, dtype=np.int64)
