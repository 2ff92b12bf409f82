"""Whether two requests were told the same, as near as a clock's tick."""

from __future__ import annotations

import math
from typing import Any

from limitproof.check.tales.acts import SECOND, TOLERANCE
from limitproof.check.tales.measure import told_in
from limitproof.stories import Operation


def answered_alike(one: Operation, other: Operation) -> bool:
    """Whether outcome, `remaining` and, within a tolerance, `retry_after` are the same.

    An error's text may differ.
    """
    mine, theirs = one.decision, other.decision
    if one.outcome is not other.outcome or mine is None or theirs is None:
        return one.outcome is other.outcome and mine is theirs
    return mine.remaining == theirs.remaining and near(mine.retry_after, theirs.retry_after)


def near(wait: Any, other: Any) -> bool:
    """Whether two told waits (seconds) are no more than a clock's tick apart, or none was told.

    Who adds a jitter of less than a millisecond tells no two clients the very same.
    """
    mine, theirs = told_in(wait), told_in(other)
    if mine is None or theirs is None or not (math.isfinite(mine) and math.isfinite(theirs)):
        return repr(wait) == repr(other)
    return abs(mine - theirs) * SECOND <= TOLERANCE
