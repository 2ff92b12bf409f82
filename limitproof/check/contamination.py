"""`contamination`: refused requests leave a debt, so that a later, polite one is refused as well.

A refusal counts against the limiter when the promise had room for certain, nothing else was under
way on the key, and others had been refused within the window before. Two other faults look alike
and are kept out. A limiter that is one too strict (admits limit − 1) refuses with room after no
refusal too, and never admits its last place: so only a refusal with more room than any *clean*
one (none refused in the window before it), at a count at which the limiter has been seen to admit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from limiters.promise import Promise
from limitproof.check.cause import sequence_of
from limitproof.check.evidence import evidence, touching
from limitproof.check.false_rejection import room_for
from limitproof.check.occupancy import certain_before, possible_before
from limitproof.check.settle import plural, settle
from limitproof.check.timeline import Timeline, lay_out
from limitproof.check.verdict import CheckResult, Verdict
from limitproof.check.yardstick import TOLERANCE, Yardstick
from limitproof.history.columns import Bools, Floats, History

NAME = "contamination"


def contamination(history: History, promise: Promise) -> CheckResult:
    """Judges refusals that follow refusals, on moments when nothing else was under way.

    measured: count (refusals only explained by earlier refusals), judged (refusals that stood
    alone), shown (admissions that a limiter which counts refusals would have refused),
    tolerance_ms. Passes only when at least one operation could have shown it.
    """
    yardstick = Yardstick.of(promise)
    line = lay_out(history, yardstick)
    refused = line.refused
    lonely = line.where(_lonely(line)).refused
    found = _debt(line, refused, lonely, yardstick)
    shown = _shown(line.admitted, refused, yardstick)
    measured: dict[str, Any] = {
        "count": int(found.guilty.sum()),
        "judged": len(lonely),
        "shown": shown,
        "tolerance_ms": TOLERANCE / 1_000_000,
    }
    if found.guilty.any():
        result = _failed(history, line, lonely.where(found.guilty), found, yardstick)
    elif shown:
        result = CheckResult(
            NAME,
            Verdict.PASS,
            f"{plural(shown, 'request')} admitted that refused ones before would have kept out",
            complete=True,
        )
    else:
        result = CheckResult(
            NAME,
            Verdict.UNKNOWN,
            "no request came in a moment at which earlier refusals could have kept it out",
            complete=False,
        )
    return settle(history, replace(result, measured=measured))


@dataclass(frozen=True, slots=True)
class _Debt:
    """guilty: a mask over the refusals that stood alone; room: units or tokens left at each."""

    guilty: Bools
    room: Floats


def _lonely(line: Timeline) -> Bools:
    """Which rows overlap no other one of their key (closed intervals)."""
    start, end = line.intervals.start, line.intervals.end
    if not len(line):
        return np.zeros(0, dtype=np.bool_)
    apart = start[1:] > np.maximum.accumulate(end)[:-1]
    return np.asarray(np.append(True, apart) & np.append(apart, True))


def _debt(line: Timeline, refused: Timeline, lonely: Timeline, yardstick: Yardstick) -> _Debt:
    at = lonely.intervals
    room = room_for(lonely, line.possibly_admitted, yardstick)
    before = possible_before(at, refused.intervals, yardstick.loose) - at.cost
    clean = room[before == 0]
    most_clean = float(clean.max()) if len(clean) else -1.0
    guilty = (room >= 0) & (certain_before(at, refused.intervals, yardstick.strict) > 0)
    if yardstick.rate is not None:  # a token is a fraction for most of the time
        return _Debt(guilty & (room >= most_clean + 1) & bool(len(clean)), room)
    admitted = line.admitted.intervals
    held = certain_before(admitted, admitted, yardstick.strict) + admitted.cost
    seen = int(held.max()) if len(held) else 0
    return _Debt(guilty & (room > most_clean) & (yardstick.limit - room <= seen), room)


def _shown(admitted: Timeline, refused: Timeline, yardstick: Yardstick) -> int:
    """Admissions in the last places, with more refusals just before than there were places."""
    at = admitted.intervals
    held = certain_before(at, at, yardstick.strict) + at.cost
    turned_away = certain_before(at, refused.intervals, yardstick.strict)
    # a full bucket passes its burst, and as much again that drips in within the window
    most = yardstick.limit if yardstick.rate is None else 2 * yardstick.limit
    full = (held <= most) & (turned_away > 0) & (held + turned_away > most)
    return int(full.sum())


def _failed(
    history: History, line: Timeline, guilty: Timeline, found: _Debt, yardstick: Yardstick
) -> CheckResult:
    sequence = sequence_of(history, line, yardstick)
    cause, why = sequence.cause(int(sequence.alone(guilty).sum()), len(guilty))
    shown = sequence.shown_by(guilty, np.ones(len(guilty), dtype=np.bool_))
    best = int(np.argmax(np.where(shown, found.room[found.guilty], -1)))
    opened = int(guilty.intervals.start[best]) - yardstick.window
    closed = int(guilty.intervals.end[best])
    room = int(found.room[found.guilty][best])
    rows = touching(line, opened, closed)[::-1]  # the refused one first, then back in time
    return CheckResult(
        NAME,
        Verdict.FAIL,
        f"{plural(len(guilty), 'request')} refused for the refused ones before it alone, one of "
        f"them with room for {plural(room + 1, 'unit')}; {why}",
        cause=cause,
        evidence=evidence(history, line, int(guilty.segment[best]), (opened, closed), rows),
        complete=True,
    )
