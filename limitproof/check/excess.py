"""How many admissions an ideal limiter would have refused, at given instants."""

from __future__ import annotations

import numpy as np

from limitproof.check.yardstick import Yardstick
from limitproof.history.columns import Int64s


def excess_of(instants: Int64s, yardstick: Yardstick) -> int:
    """Admissions (int64 ns, one a unit) beyond those that an ideal limiter lets pass.

    It is greedy: it admits whatever its promise allows at that moment. One line may hold many
    keys, a window apart or more.
    """
    ordered = np.sort(instants)
    match yardstick.kind:
        case "sliding":
            return _sliding(ordered, yardstick.strict, yardstick.limit)
        case "fixed":
            return _fixed(ordered, yardstick.strict, yardstick.limit)
    return _token(ordered, yardstick.rate or 0.0, yardstick.burst)


def _sliding(instants: Int64s, window: int, limit: int) -> int:
    """A log of the last `limit` admissions, which are taken `limit` at a time.

    The k-th admitted is the first after the (k−1)-th that is a window after the (k−limit)-th:
    b_k = max(b_(k−1) + 1, q_k), so that b_k − k is a running maximum of q_k − k.
    """
    n = len(instants)
    admitted = min(limit, n)
    block = np.arange(admitted)
    while len(block) == limit:
        free = np.searchsorted(instants, instants[block] + window, side="left")
        step = np.arange(limit)
        block = step + np.maximum(np.maximum.accumulate(free - step), block[-1] + 1)
        block = block[block < n]
        admitted += len(block)
    return n - admitted


def _fixed(instants: Int64s, window: int, limit: int) -> int:
    """Windows that open with the first admission after the last one closed."""
    n, first, excess = len(instants), 0, 0
    while first < n:
        after = int(np.searchsorted(instants, instants[first] + window, side="left"))
        excess += max(0, after - first - limit)
        first = after
    return excess


def _token(instants: Int64s, rate: float, burst: float) -> int:
    """A full bucket at the start; a refused request takes nothing."""
    tokens, excess, last = burst, 0, 0
    for begin in range(0, len(instants), 1 << 16):
        for instant in instants[begin : begin + (1 << 16)].tolist():
            tokens = min(burst, tokens + rate * (instant - last))
            last = instant
            if tokens >= 1 - 1e-6:
                tokens -= 1
            else:
                excess += 1
    return excess
