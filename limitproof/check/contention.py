"""A race can only show where two clients are at one key at once: without that, no pass."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from limitproof.check.cause import NEVER, demanding, sequence_of
from limitproof.check.timeline import Timeline
from limitproof.check.verdict import CheckResult, Verdict
from limitproof.check.yardstick import Yardstick
from limitproof.history.columns import History


def needing_contention(
    history: History, line: Timeline, yardstick: Yardstick, result: CheckResult
) -> CheckResult:
    """The result, or `unknown` where it would be a pass that only sequential requests show.

    Asked of histories that were made to show races (`Meta.contended` names their scenarios): one
    key at least must have been asked for more than its limit by clients whose operations overlap.
    """
    meant = history.meta.contended
    if result.verdict is not Verdict.PASS or not meant:
        return result
    met = demanding(line, yardstick) & np.not_equal(
        sequence_of(history, line, yardstick).alone_until, NEVER
    )
    if any(history.keys[int(key)].scenario in meant for key in line.keys[met]):
        return result
    return replace(
        result,
        verdict=Verdict.UNKNOWN,
        because="no key was asked for more than its limit by two clients at once, so that no race "
        f"could show; until then: {result.because}",
        complete=False,
    )
