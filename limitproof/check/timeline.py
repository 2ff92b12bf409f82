"""All keys of a history laid end to end on one line, so that each check is one sweep.

Keys do not share windows, yet one by one 10^5 keys would cost 10^5 Python steps a check. Between
two keys the line has a gap wider than any window looked at, so no window ever sees two of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from limitproof.check.intervals import FURTHEST, Intervals
from limitproof.check.yardstick import Yardstick, nanoseconds
from limitproof.history.columns import Bools, History, Int32s, Int64s
from limitproof.history.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Timeline:
    """Columns of equal length n, key by key and in order of invocation inside a key.

    rows: int64 index into `History.operations`; intervals: on the line, widened by the clocks'
    error; outcome: int8; segment: int32, which key of the line a row belongs to. Per segment:
    keys (int32 key number) and shift (int64 ns to take away to come back to the epoch).
    `spans` is how many windows wide the gaps are.
    """

    rows: Int64s
    intervals: Intervals
    outcome: npt.NDArray[np.int8]
    segment: Int32s
    keys: Int32s
    shift: Int64s
    spans: int

    def __len__(self) -> int:
        return len(self.rows)

    def where(self, mask: Bools) -> Timeline:
        """The rows of a mask, on the same line."""
        if mask.all():
            return self
        return Timeline(
            self.rows[mask],
            self.intervals.select(mask),
            self.outcome[mask],
            self.segment[mask],
            self.keys,
            self.shift,
            self.spans,
        )

    def having(self, *outcomes: Outcome) -> Timeline:
        """The rows of these outcomes, on the same line."""
        return self.where(self.ended(*outcomes))

    def ended(self, *outcomes: Outcome) -> Bools:
        """Which rows have one of these outcomes."""
        mask = np.equal(self.outcome, outcomes[0])
        for outcome in outcomes[1:]:
            mask |= np.equal(self.outcome, outcome)
        return mask

    @property
    def admitted(self) -> Timeline:
        return self.having(Outcome.ADMITTED)

    @property
    def possibly_admitted(self) -> Timeline:
        """Admitted, or of no known end: an error may come after the request was counted."""
        return self.having(Outcome.ADMITTED, Outcome.UNKNOWN, Outcome.ERROR)

    @property
    def refused(self) -> Timeline:
        return self.having(Outcome.REJECTED)

    def epoch(self, segment: int, instant: int) -> int:
        """An instant of the line as ns since the epoch."""
        return int(instant) - int(self.shift[segment])


def lay_out(history: History, yardstick: Yardstick, keys: Bools | None = None) -> Timeline:
    """The line of all operations that were sent and cost something; of `keys` (a mask) only.

    Intervals are widened by `meta.clock_error` on both sides.
    """
    operations = history.operations
    wanted = operations.sent & (operations.cost > 0)
    if keys is not None:
        wanted &= keys[operations.key]
    rows = np.flatnonzero(wanted)
    key = operations.key[rows]
    if len(key) and not (key == key[0]).all():
        # a stable sort of 16-bit numbers is a radix sort, six times as fast
        narrow = key.astype(np.uint16) if key.max() < 2**16 and key.min() >= 0 else key
        order = np.argsort(narrow, kind="stable")
        rows, key = rows[order], key[order]
    error = nanoseconds(history.meta.clock_error)
    start = operations.invocation[rows] - error
    first = np.flatnonzero(np.concatenate(([True], key[1:] != key[:-1]))) if len(key) else rows
    if np.any((start[1:] < start[:-1]) & (key[1:] == key[:-1])):
        order = np.lexsort((start, key))
        rows, start = rows[order], start[order]
    end = np.maximum(operations.response[rows] + error, start)
    size = np.diff(np.append(first, len(rows)))
    cost = operations.cost[rows]
    if len(first) == 1:
        segment = np.broadcast_to(np.int32(0), start.shape)
        shift, spans = np.zeros(1, np.int64), _spans(start, end, first, yardstick)
    elif len(first) == 0:
        segment, shift, spans = np.empty(0, np.int32), np.empty(0, np.int64), 1
    else:
        segment = np.repeat(np.arange(len(first), dtype=np.int32), size)
        spans = _spans(start, end, first, yardstick)
        gap = np.full(len(first), (spans + 2) * yardstick.loose, dtype=np.int64)
        if yardstick.rate is not None:  # a bucket must have run dry before the next key
            units = np.add.reduceat(cost, first, dtype=np.int64)
            gap += np.ceil((units + yardstick.burst) / yardstick.rate).astype(np.int64)
        opened = start[first]
        room = np.maximum.reduceat(end, first) - opened + gap
        shift = np.concatenate(([0], np.cumsum(room)[:-1])) - opened
        start += shift[segment]
        end += shift[segment]
    return Timeline(
        rows, Intervals(start, end, cost), operations.outcome[rows], segment, key[first], shift,
        spans,
    )  # fmt: skip


def _spans(start: Int64s, end: Int64s, first: Int64s, yardstick: Yardstick) -> int:
    """The most windows that one key's operations last, as far as the line has room for it."""
    lasting = np.maximum.reduceat(end, first) - start[first]
    room = (FURTHEST - float(lasting.sum(dtype=np.float64))) / len(first) / yardstick.loose
    return max(1, min(int(lasting.max() // yardstick.loose) + 1, int(room) - 3))
