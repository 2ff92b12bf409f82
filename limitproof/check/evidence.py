"""Operations as rows that a person reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from limitproof.check.timeline import Timeline
from limitproof.check.verdict import Evidence
from limitproof.history.columns import History, Int64s
from limitproof.history.outcome import Outcome

MOST_ROWS = 50


def evidence(
    history: History, line: Timeline, segment: int, window: tuple[int, int], rows: Int64s
) -> Evidence:
    """The evidence of one key: `window` in instants of the line, `rows` of `History.operations`."""
    key = history.keys[int(line.keys[segment])]
    return Evidence(
        key=key.name,
        scenario=key.scenario,
        start=line.epoch(segment, window[0]),
        end=line.epoch(segment, window[1]),
        total=len(rows),
        rows=tuple(_row(history, int(row)) for row in rows[:MOST_ROWS]),
    )


def inside(line: Timeline, start: int, end: int) -> Int64s:
    """The rows of a line that lie within [start, end] for certain, as `History.operations` rows."""
    low = int(np.searchsorted(line.intervals.start, start, side="left"))
    high = int(np.searchsorted(line.intervals.start, end, side="right"))
    return line.rows[low:high][line.intervals.end[low:high] <= end]


def touching(line: Timeline, start: int, end: int) -> Int64s:
    """The rows of a line that may lie within [start, end], as `History.operations` rows."""
    high = int(np.searchsorted(line.intervals.start, end, side="right"))
    return line.rows[:high][line.intervals.end[:high] >= start]


def _row(history: History, row: int) -> Mapping[str, Any]:
    operations = history.operations
    told = {
        name: float(getattr(operations, name)[row])
        for name in ("remaining", "retry_after")
        if not np.isnan(getattr(operations, name)[row])
    }
    return {
        "process": int(operations.process[row]),
        "client": int(operations.client[row]),
        "invocation": int(operations.invocation[row]),
        "response": int(operations.response[row]),
        "cost": int(operations.cost[row]),
        "outcome": Outcome(int(operations.outcome[row])).name.lower(),
        "remaining": None,
        "retry_after": None,
        **told,
    }
