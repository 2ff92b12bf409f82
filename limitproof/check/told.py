"""What the checks of told figures share: which figures were told, and their verdicts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
    say: Callable[[float, float, float], str],
    judged: bool,
) -> CheckResult:
    """The result for figures told by the rows of `told`.

    `faults` maps words ("too high") to masks over `told`; `bounds` are the least and the most
    that would have been right (NaN: no bound). `say` words a figure that is wrong, and its bounds,
    for the one that is the furthest from them. `judged` False when the promise gives no bounds:
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
    cause, why = sequence.cause(int((sequence.alone(told) & wrong).sum()), int(wrong.sum()))
    shown = sequence.shown_by(told, wrong)
    worst = int(np.argmax(np.where(shown, _error(values, *bounds), -np.inf)))
    low, high = (float(bound[worst]) for bound in bounds)
    at = told.intervals
    window = (int(at.start[worst]) - yardstick.window, int(at.end[worst]))
    words = ", ".join(f"{int(mask.sum()):,} {word}" for word, mask in faults.items() if mask.any())
    return CheckResult(
        name,
        Verdict.FAIL,
        f"{plural(int(wrong.sum()), 'figure')} wrong ({words}): "
        f"{say(float(values[worst]), low, high)}; {why}",
        cause=cause,
        measured=measured,
        evidence=evidence(
            history, line, int(told.segment[worst]), window, told.rows[worst : worst + 1]
        ),
        complete=True,
    )


def _error(values: Floats, low: Floats, high: Floats) -> Floats:
    """How far each figure is from what would have been right; from 0 where it is negative."""
    beyond = np.fmax(np.fmax(low - values, values - high), -values)
    return np.where(np.isfinite(values), beyond, np.inf)


def right(low: str, high: str) -> str:
    """ "5 to 9", or one figure where both read the same."""
    return low if low == high else f"{low} to {high}"
