"""What the checks of told figures share: which figures were told, and their verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from limitproof.check.cause import sequence_of
from limitproof.check.evidence import evidence
from limitproof.check.settle import plural, settle
from limitproof.check.timeline import Timeline
from limitproof.check.verdict import CheckResult, Verdict
from limitproof.check.yardstick import Yardstick
from limitproof.history.columns import Bools, Floats, History


def tell(
    history: History,
    name: str,
    line: Timeline,
    told: Timeline,
    faults: Mapping[str, Bools],
    bounds: tuple[Floats, Floats],
    yardstick: Yardstick,
    *,
    judged: bool,
) -> CheckResult:
    """The result for figures told by the rows of `told`.

    `faults` maps words ("too high") to masks over `told`; `bounds` are the least and the most
    that would have been right (NaN: no bound). `judged` False when the promise gives no bounds:
    then only a fault makes a verdict.
    """
    operations = history.operations
    values = getattr(operations, name.replace("-", "_"))[told.rows]
    wrong = np.zeros(len(told), dtype=np.bool_)
    for mask in faults.values():
        wrong |= mask
    measured: dict[str, Any] = {
        "told": len(told),
        "wrong": int(wrong.sum()),
        **{word.replace(" ", "_"): int(mask.sum()) for word, mask in faults.items()},
    }
    if not wrong.any():
        if not len(told):
            verdict, because = Verdict.NOT_TOLD, f"the limiter does not tell {name}"
        elif not judged:
            verdict = Verdict.NOT_TOLD
            because = f"{name} is not judged for a promise of the kind {yardstick.kind!r}"
        else:
            verdict = Verdict.PASS
            because = f"{plural(len(told), 'figure')} told, none certainly wrong"
        return settle(
            history,
            CheckResult(
                name, verdict, because, measured=measured, complete=verdict is Verdict.PASS
            ),
        )
    sequence = sequence_of(history, line, yardstick)
    alone = sequence.alone(told) & wrong
    cause, why = sequence.cause(bool(alone.any()))
    first = int(np.flatnonzero(alone if alone.any() else wrong)[0])
    low, high = (float(bound[first]) for bound in bounds)
    at = told.intervals
    window = (int(at.start[first]) - yardstick.window, int(at.end[first]))
    words = ", ".join(f"{int(mask.sum()):,} {word}" for word, mask in faults.items() if mask.any())
    return CheckResult(
        name,
        Verdict.FAIL,
        f"{plural(int(wrong.sum()), 'figure')} wrong ({words}): told {float(values[first]):g} "
        f"where {_range(low, high)} would be right; {why}",
        cause=cause,
        measured=measured,
        evidence=evidence(
            history, line, int(told.segment[first]), window, told.rows[first : first + 1]
        ),
        complete=True,
    )


def _range(low: float, high: float) -> str:
    if np.isnan(high):
        return f"{low:g} or more"
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"
