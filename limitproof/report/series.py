"""What the plots draw, as plain arrays: pure functions of a history."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from limitproof.check.footprint import NOBODY, Footprint
from limitproof.check.intervals import Intervals
from limitproof.check.yardstick import TOLERANCE, nanoseconds
from limitproof.history.columns import Bools, Floats, History, Int64s, Key, Operations
from limitproof.history.meta import NANOSECONDS
from limitproof.history.outcome import Outcome

STEADY = ("sustained", "window_edge")
"""The scenarios in which a limiter is watched for whole windows."""


@dataclass(frozen=True, slots=True)
class Window:
    """How many admissions lie in the last window, over time, on one key.

    seconds: since the key's first request, ascending; counts: units admitted for certain within
    the window that ends there; peak: the largest count; total: points before any was left out.
    """

    key: Key
    seconds: Floats
    counts: Int64s
    peak: int
    total: int


@dataclass(frozen=True, slots=True)
class Herd:
    """What herds of `clients` clients overshot the limit by: the worst and the mean of them."""

    clients: int
    worst: int
    mean: float
    herds: int


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes that the server held for the keys of one scenario, a value a sample.

    seconds: since the scenario's first request; last: when its last request was answered.
    """

    seconds: Floats
    size: Int64s
    last: float


def running_counts(admitted: Intervals, window: int) -> tuple[Int64s, Int64s]:
    """Units that lie for certain in (y − window, y], at every instant y where that changes.

    Instants and counts, ascending by instant. What lasts `window` ns or longer is never certain.
    """
    brief = admitted.end - admitted.start < window
    inside = admitted.select(brief)
    instants = np.unique(np.concatenate((inside.end, inside.start + window)))
    counts = inside.ends().until(instants) - inside.starts().until(instants - window)
    return instants, counts


def thin(counts: npt.ArrayLike, most: int) -> Int64s:
    """The indices of at most `most` points that keep a curve's shape.

    Of each of equal stretches the first lowest and the first highest point stay, so that no peak
    is lost.
    """
    values = np.asarray(counts)
    if len(values) <= most:
        return np.arange(len(values))
    edges = np.linspace(0, len(values), most // 2 + 1).astype(np.int64)
    kept = [
        low + np.array([part.argmin(), part.argmax()])
        for low, part in zip(edges, np.split(values, edges[1:-1]), strict=False)
    ]
    return np.unique(np.concatenate(kept))


def fullest_window(history: History, most: int, preferred: str = "") -> Window | None:
    """The running count of the key that held most in one window.

    Of several that held as much, the `preferred` one, else one of a steady scenario. None where
    nothing was asked.
    """
    window = max(nanoseconds(history.meta.window) - TOLERANCE, 1)
    best: Window | None = None
    by_key = sorted(
        history.by_key(),
        key=lambda pair: (pair[0].name != preferred, pair[0].scenario not in STEADY),
    )
    for key, operations in by_key:
        admitted = _admitted(history, operations)
        if best is not None and int(admitted.cost.sum()) <= best.peak:
            continue
        instants, counts = running_counts(admitted, window)
        peak = int(counts.max(initial=0))
        if best is None or peak > best.peak:
            kept = thin(counts, most)
            seconds = (instants[kept] - operations.invocation[0]) / NANOSECONDS
            best = Window(key, seconds, counts[kept], peak, len(counts))
    return best


def herds(history: History) -> tuple[Herd, ...]:
    """The overshoot of each size of herd in scenario "burst", smallest herd first."""
    window = max(nanoseconds(history.meta.window) - TOLERANCE, 1)
    over: dict[int, list[int]] = {}
    for key, operations in history.of_scenario("burst").by_key():
        _, counts = running_counts(_admitted(history, operations), window)
        beyond = int(counts.max(initial=0)) - history.meta.limit
        over.setdefault(key.clients, []).append(max(0, beyond))
    return tuple(
        Herd(clients, max(values), sum(values) / len(values), len(values))
        for clients, values in sorted(over.items())
    )


def memory_over_time(history: History, prints: Footprint, scenario: str) -> Memory | None:
    """The bytes of one scenario's keys from its first request on; None when it was not played."""
    operations = history.of_scenario(scenario).operations
    operations = operations.select(operations.sent)
    instants = history.state.instants
    if not len(operations) or not len(instants):
        return None
    first = int(operations.invocation[0])
    answered = np.where(
        operations.having(Outcome.UNKNOWN), operations.invocation, operations.response
    )
    owned = np.array([key.scenario == scenario for key in history.keys], dtype=np.bool_)
    owner = prints.owner[history.state.name]
    mine: Bools = (owner != NOBODY) & owned[owner]
    size = prints.totals(mine, history.state.size)
    later = instants >= first
    return Memory(
        (instants[later] - first) / NANOSECONDS,
        size[later],
        (int(answered.max()) - first) / NANOSECONDS,
    )


def _admitted(history: History, operations: Operations) -> Intervals:
    """The admitted operations as intervals, widened by the clocks' error."""
    error = nanoseconds(history.meta.clock_error)
    part = operations.select(operations.having(Outcome.ADMITTED) & (operations.cost > 0))
    start = part.invocation - error
    return Intervals(start, np.maximum(part.response + error, start), part.cost)
