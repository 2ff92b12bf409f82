"""Does a defect need an interleaving, or does it happen with one client after the other?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from limitproof.check.settle import plural
from limitproof.check.timeline import Timeline
from limitproof.check.verdict import Cause
from limitproof.check.yardstick import Yardstick, nanoseconds
from limitproof.history.columns import Bools, History, Int64s

NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Sequence:
    """Until when the operations of each key came one after the other.

    alone_until: per segment of a line, the first instant of the line at which an operation
    starts while another one lasts; `NEVER` where there is none. control: the segments that are
    sequential throughout and asked for more than the quota. plain: the segments of scenarios in
    which no key ever met two clients at once.
    """

    alone_until: Int64s
    control: Bools
    plain: Bools

    def alone(self, line: Timeline) -> Bools:
        """Which rows of a line ended while their key was still sequential."""
        return np.less(line.intervals.end, self.alone_until[line.segment])

    def shown_by(self, line: Timeline, wrong: Bools) -> Bools:
        """Those of the wrong rows (some) that show best what is wrong.

        Where one client came after the other: in a scenario that is so throughout, else on a key
        that was sequential so far. All of them where only several clients met the defect.
        """
        alone = self.alone(line) & wrong
        plain = alone & self.plain[line.segment]
        return next((rows for rows in (plain, alone) if rows.any()), wrong)

    def cause(self, sequentially: int, of: int) -> tuple[Cause | None, str]:
        """The cause of a defect, `sequentially` much `of` which a sequential history showed.

        A race is only claimed where the same limiter, asked sequentially for more than its
        quota, kept its promise in the same history.
        """
        if sequentially and sequentially == of:
            return Cause.ALGORITHM, "it happens with one client after the other"
        if sequentially:
            return Cause.ALGORITHM, (
                f"{sequentially:,} with one client after the other, so it needs no race"
            )
        if controls := int(self.control.sum()):
            return Cause.RACE, (
                "it takes a race: the same limiter asked by one client after the other "
                f"({plural(controls, 'key')}) kept its promise"
            )
        return None, "cause not told: no sequential control in this history"


def sequence_of(history: History, line: Timeline, yardstick: Yardstick) -> Sequence:
    """Where the keys of a line (of all operations sent) are sequential.

    Two operations overlap when one starts before or at the instant at which the other ends; a
    client's own next operation may start at that instant. Clients of different processes are
    apart by more than twice the clock's error, or overlap.
    """
    alone = np.full(len(line.keys), NEVER, dtype=np.int64)
    if len(line) > 1:
        rows, operations = line.rows, history.operations
        widened = nanoseconds(history.meta.clock_error)
        process, client = operations.process[rows], operations.client[rows]
        same = process[1:] == process[:-1]
        latest = np.maximum.accumulate(line.intervals.end)[:-1]
        lag = line.intervals.start[1:] - latest  # both widened: 2·error below what was measured
        lag += np.where(same, 2 * widened, 0)
        same &= client[1:] == client[:-1]
        met = np.flatnonzero((lag < 0) | ((lag == 0) & ~same)) + 1
        met = met[line.segment[met] == line.segment[met - 1]]
        # the earliest of each segment: written last when the order is reversed
        alone[line.segment[met][::-1]] = line.intervals.start[met][::-1]
    always = np.equal(alone, NEVER)
    scenarios = [history.keys[int(key)].scenario for key in line.keys]
    crowded = {name for name, calm in zip(scenarios, always, strict=True) if not calm}
    plain = np.array([name not in crowded for name in scenarios], dtype=np.bool_)
    return Sequence(alone, demanding(line, yardstick) & always, plain)


def demanding(line: Timeline, yardstick: Yardstick) -> Bools:
    """Which segments asked for more than the limit within one window, whatever was answered."""
    start, found = line.intervals.start, np.zeros(len(line.keys), dtype=np.bool_)
    if line.intervals.unit:
        ahead = yardstick.limit
        busy = np.flatnonzero(
            start[ahead:] - start[: max(0, len(start) - ahead)] < yardstick.strict
        )
    else:
        tally = line.intervals.starts()
        asked = tally.before(start + yardstick.strict) - tally.before(start)
        busy = np.flatnonzero(asked > yardstick.limit)
    found[line.segment[busy]] = True
    return found
