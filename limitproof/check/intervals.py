"""Intervals that hold an unseen instant each, and counting the units before a moment.

An operation was decided at some instant of the closed interval [start, end]. All instants are
int64 ns; a unit is one unit of quota, of which an operation costs one or more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from limitproof.history.columns import Bools, Int32s, Int64s

FURTHEST = 2**62
"""The furthest instant, ns: far enough from the end of int64 to add a window safely."""


@dataclass(frozen=True, slots=True)
class Intervals:
    """Columns of equal length n: start (int64 ns, ascending), end (int64 ns), cost (int32 units).

    `cost` may be a broadcast scalar; it never is below 1.
    """

    start: Int64s
    end: Int64s
    cost: Int32s

    def __len__(self) -> int:
        return len(self.start)

    def select(self, rows: Bools | Int64s | slice) -> Intervals:
        """The rows that a mask, an ascending index array or a slice chooses."""
        return Intervals(self.start[rows], self.end[rows], self.cost[rows])

    @property
    def unit(self) -> bool:
        """Every operation costs exactly one unit."""
        return bool(np.all(self.cost == 1))

    def in_units(self) -> Intervals:
        """One interval a unit: an operation of cost 3 becomes three equal ones.

        Letting those three pass at different instants only makes things easier, so what is
        infeasible in units is infeasible.
        """
        if self.unit:
            return self
        start, end = np.repeat(self.start, self.cost), np.repeat(self.end, self.cost)
        return Intervals(start, end, np.broadcast_to(np.int32(1), start.shape))

    def starts(self) -> Tally:
        return Tally.of(self.start, self.cost)

    def ends(self) -> Tally:
        return Tally.of(self.end, self.cost)


@dataclass(frozen=True, slots=True)
class Tally:
    """Units by instant: `at` ascending; `sums[i]` units lie on the first i instants.

    `sums` is None when every instant carries one unit: then the index is the sum.
    """

    at: Int64s
    sums: Int64s | None

    @classmethod
    def of(cls, at: Int64s, cost: Int32s) -> Tally:
        """Sorts when it must."""
        ascending = bool(np.all(at[1:] >= at[:-1]))
        if np.all(cost == 1):
            return cls(at if ascending else np.sort(at), None)
        if not ascending:
            order = np.argsort(at, kind="stable")
            at, cost = at[order], cost[order]
        return cls(at, np.concatenate(([0], np.cumsum(cost, dtype=np.int64))))

    def before(self, instants: npt.ArrayLike) -> Int64s:
        """Units at instants below each of these."""
        return self._units(np.searchsorted(self.at, instants, side="left"))

    def until(self, instants: npt.ArrayLike) -> Int64s:
        """Units at instants up to each of these, itself included."""
        return self._units(np.searchsorted(self.at, instants, side="right"))

    def _units(self, index: npt.NDArray[np.intp]) -> Int64s:
        if self.sums is None:
            return np.asarray(index, dtype=np.int64)
        return np.asarray(self.sums[index], dtype=np.int64)
