"""`false-rejection`: refused although even the largest possible count left room."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from limiters.promise import Promise
from limitproof.check.cause import demanding, sequence_of
from limitproof.check.contention import needing_contention
from limitproof.check.evidence import evidence, touching
from limitproof.check.occupancy import possible_before
from limitproof.check.settle import plural, settle
from limitproof.check.timeline import Timeline, lay_out
from limitproof.check.verdict import CheckResult, Verdict
from limitproof.check.yardstick import TOLERANCE, Yardstick
from limitproof.history.columns import Floats, History

NAME = "false-rejection"


def false_rejection(history: History, promise: Promise) -> CheckResult:
    """Judges every refusal against the most that can have been admitted before it.

    A fixed window that is full holds `limit` admissions no older than a window, so that the same
    count judges it. measured: count, refused, share (of the refused), tolerance_ms.
    """
    yardstick = Yardstick.of(promise)
    line = lay_out(history, yardstick)
    refused, possibly = line.refused, line.possibly_admitted
    room = room_for(refused, possibly, yardstick)
    wrong = room >= 0
    measured: dict[str, Any] = {
        "count": int(wrong.sum()),
        "refused": len(refused),
        "share": round(float(wrong.mean()), 6) if len(refused) else 0.0,
        "tolerance_ms": TOLERANCE / 1_000_000,
    }
    if wrong.any():
        result = _failed(history, line, refused.where(wrong), room[wrong], yardstick)
    else:
        result = _unviolated(line, refused, yardstick)
        result = needing_contention(history, line, yardstick, result)
    return settle(history, replace(result, measured=measured))


def room_for(at: Timeline, possibly: Timeline, yardstick: Yardstick) -> Floats:
    """What the promise had left after each operation of `at`, at least, had it been admitted.

    In units (a token bucket: tokens), whatever the unseen instants were; below 0 where the
    promise may have had no room.
    """
    if yardstick.rate is not None:
        left = _certain_tokens(at, possibly, yardstick)
        # its clock may be a tolerance behind; tokens are kept as floats by many
        return np.asarray(left - yardstick.rate * TOLERANCE - 1e-6 - at.intervals.cost)
    held = possible_before(at.intervals, possibly.intervals, yardstick.loose)
    return np.asarray(yardstick.limit - held - at.intervals.cost, dtype=np.float64)


def _certain_tokens(at: Timeline, possibly: Timeline, yardstick: Yardstick) -> Floats:
    """Tokens that the bucket held at least, when each operation of `at` was decided.

    A bucket that was full at x and lost N(x, t] since holds burst − N + rate·(t − x): the least
    over all x, with every possible admission counted and t as early as it can be.
    """
    rate, starts, ends = (
        yardstick.rate or 0.0,
        possibly.intervals.starts(),
        possibly.intervals.ends(),
    )
    taken = starts.until(at.intervals.end).astype(np.float64)
    debt = taken - ends.before(at.intervals.start)
    if len(ends.at):
        origin = ends.at[0]
        dips = np.minimum.accumulate(ends.before(ends.at) - rate * (ends.at - origin))
        last = np.searchsorted(ends.at, at.intervals.start, side="right") - 1
        since = taken - rate * (at.intervals.start - origin) - dips[last]
        debt = np.where(last >= 0, np.maximum(debt, since), debt)
    return np.asarray(yardstick.burst - np.maximum(debt, 0))


def _failed(
    history: History, line: Timeline, wrong: Timeline, room: Floats, yardstick: Yardstick
) -> CheckResult:
    sequence = sequence_of(history, line, yardstick)
    cause, why = sequence.cause(int(sequence.alone(wrong).sum()), len(wrong))
    shown = sequence.shown_by(wrong, np.ones(len(wrong), dtype=np.bool_))
    best = int(np.argmax(np.where(shown, room, -1)))
    opened = int(wrong.intervals.start[best]) - yardstick.window
    closed = int(wrong.intervals.end[best])
    segment = int(wrong.segment[best])
    counted = touching(line.possibly_admitted, opened, closed)
    rows = np.concatenate(([wrong.rows[best]], counted))
    said = f"{plural(len(wrong), 'request')} refused although there was room for certain"
    if yardstick.rate is None:
        held = f"at most {len(counted)}" if len(counted) else "none"
        said += f" (one of them with {held} of {yardstick.limit} admitted)"
    return CheckResult(
        NAME,
        Verdict.FAIL,
        f"{said}; {why}",
        cause=cause,
        evidence=evidence(history, line, segment, (opened, closed), rows),
        complete=True,
    )


def _unviolated(line: Timeline, refused: Timeline, yardstick: Yardstick) -> CheckResult:
    verdict, complete = Verdict.UNKNOWN, False
    if not len(line.admitted) and not len(refused):
        because = "no operation was decided"
    elif not demanding(line, yardstick).any():
        because = "no key was asked for as much as its limit: nothing could be refused too early"
    else:
        verdict, complete = Verdict.PASS, True
        because = f"{plural(len(refused), 'request')} refused, none with room for certain"
    return CheckResult(NAME, verdict, because, complete=complete)
