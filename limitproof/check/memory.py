"""`memory`: what a limiter keeps is bounded by the quota, not by time and not by the traffic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from limiters.promise import Promise
from limitproof.check.footprint import NOBODY, Footprint, footprint
from limitproof.check.growth import FEWEST_POINTS, grows, theil_sen
from limitproof.check.settle import plural, settle
from limitproof.check.verdict import Cause, CheckResult, Verdict, merge
from limitproof.check.yardstick import Yardstick, nanoseconds
from limitproof.history.columns import Bools, Floats, History, Int64s
from limitproof.history.meta import NANOSECONDS
from limitproof.history.outcome import Outcome

NAME = "memory"
GIGABYTE = 2**30
BYTES_AN_ENTRY = 64  # of a plain value that holds a log: a timestamp with a unique member
FEWEST_WINDOWS = 2.0
SCENARIOS = ("sustained", "idle")


def memory(history: History, promise: Promise) -> CheckResult:
    """Judges samples of the server's keys, taken while operations ran.

    Keys of scenario "idle" (ever new ones) and of "sustained" (a hot one) are judged apart; all
    keys together when there are neither. After a warm-up of one window, rounded up to a whole
    second as a TTL may be, two faults fail: the bytes grow with time (a leak), or a key holds more
    entries than twice the quota and its clients explain (refused requests are stored). measured,
    of the worst group: scenario, samples, windows, bytes_per_request, bytes_per_second,
    entries_per_window, full_1gb_at (UTC, None when it does not grow), peak_bytes, peak_keys,
    peak_entries and bound_entries (of one key), requests_per_window, side_keys.
    """
    yardstick = Yardstick.of(promise)
    if not len(history.state.instants):
        return _unknown("no sample of the server's keys was taken")
    if not history.state.names:
        return _unknown("the limiter was never seen to keep anything on the server")
    prints = footprint(history.state, history.keys)
    found = [
        _group(history, prints, name, chosen, yardstick, first=not place)
        for place, (name, chosen) in enumerate(_groups(history))
    ]
    if not found:
        return _unknown("there are no operations")
    overall = merge(group.verdict for group in found)
    worst = next(group for group in found if group.verdict is overall)
    return settle(
        history,
        CheckResult(
            NAME,
            worst.verdict,
            worst.because,
            cause=Cause.ALGORITHM if worst.verdict is Verdict.FAIL else None,
            measured=worst.measured,
            complete=worst.verdict is not Verdict.UNKNOWN,
        ),
    )


@dataclass(frozen=True, slots=True)
class _Group:
    verdict: Verdict
    because: str
    measured: Mapping[str, Any] = field(default_factory=dict)


def _unknown(because: str) -> CheckResult:
    return CheckResult(NAME, Verdict.UNKNOWN, because, complete=False)


def _groups(history: History) -> list[tuple[str, Bools]]:
    """Scenario and mask over the keys, for each scenario that says something of memory."""
    scenario = np.array([key.scenario for key in history.keys], dtype=object)
    used = np.zeros(len(history.keys), dtype=np.bool_)
    used[history.operations.key[history.operations.sent]] = True
    groups = [(name, np.asarray(scenario == name) & used) for name in SCENARIOS]
    groups = [(name, chosen) for name, chosen in groups if chosen.any()]
    if not groups and used.any():
        groups = [("", used)]
    return groups


def _group(
    history: History,
    prints: Footprint,
    scenario: str,
    chosen: Bools,
    yardstick: Yardstick,
    *,
    first: bool,
) -> _Group:
    sent = history.operations.select(history.operations.sent & chosen[history.operations.key])
    invoked = np.sort(sent.invocation)
    answered = np.where(np.equal(sent.outcome, Outcome.UNKNOWN), sent.invocation, sent.response)
    warm = max(yardstick.window, nanoseconds(-(-yardstick.window // NANOSECONDS)))
    instants = prints.series.instants
    during = (instants >= invoked[0] + warm) & (instants <= answered.max())
    span = int(instants[during][-1] - instants[during][0]) if during.any() else 0
    windows = span / yardstick.window
    owner = prints.owner[prints.series.name]
    # what belongs to no client's key is laid to the first group
    mine = np.where(owner == NOBODY, first, chosen[owner])
    size = prints.totals(mine, prints.series.size)
    entries = prints.totals(mine, prints.entries)
    count = prints.totals(mine, np.ones_like(prints.entries))
    peak, bound, name = _fullest(history, prints, chosen, mine & during[prints.sample], yardstick)
    seconds = (instants[during] - invoked[0]) / NANOSECONDS
    requests = np.searchsorted(invoked, instants[during]).astype(np.float64)
    taken = size[during].astype(np.float64)
    # A set that holds every request of the last window grows while the traffic does, and is no
    # leak: 4,000 and then 16,000 requests a second held 0.4 and then 1.6 MB.
    recent = np.maximum(1.0, requests - np.searchsorted(invoked, instants[during] - warm))
    steady = taken * (recent.mean() / recent) if len(recent) else taken
    lasted = max((int(invoked[-1]) - int(invoked[0])) / yardstick.window, 1.0)  # windows
    measured: dict[str, Any] = {
        "scenario": scenario,
        "samples": int(during.sum()),
        "windows": round(windows, 2),
        "bytes_per_request": _slope(requests, taken),
        "bytes_per_second": _slope(seconds, taken),
        "entries_per_window": _slope(seconds * NANOSECONDS / yardstick.window, entries[during]),
        "full_1gb_at": None,
        "peak_bytes": int(size.max()),
        "peak_keys": int(count.max()),
        "peak_entries": peak,
        "bound_entries": bound,
        "requests_per_window": round(len(invoked) / lasted, 2),
        "side_keys": _side_keys(prints),
    }
    if int(during.sum()) < FEWEST_POINTS or windows < FEWEST_WINDOWS * 0.99:
        return _Group(
            Verdict.UNKNOWN,
            f"{plural(int(during.sum()), 'sample')} over {windows:.1f} windows after the warm-up: "
            f"it takes {FEWEST_POINTS} over {FEWEST_WINDOWS:g}",
            measured,
        )
    if all(grows(seconds.tolist(), held.tolist()) for held in (taken, steady)):
        measured["full_1gb_at"] = _full(int(instants[during][-1]), taken[-1], measured)
        return _Group(
            Verdict.FAIL,
            f"memory grows with time: {measured['bytes_per_request']:g} bytes a request, "
            f"1 GB is full at {measured['full_1gb_at']} at this rate",
            measured,
        )
    if peak > bound:
        return _Group(
            Verdict.FAIL,
            f"memory is bounded by the traffic, not by the quota: {name!r} holds {peak:,} entries "
            f"where the quota explains {bound:,}",
            measured,
        )
    busiest = float(np.bincount(sent.key).max()) / lasted  # of the key that was asked most
    if scenario != "idle" and busiest <= bound:
        return _Group(
            Verdict.UNKNOWN,
            f"too little traffic to tell the quota from the traffic: it takes more than {bound:,} "
            f"requests a window on one key",
            measured,
        )
    return _Group(
        Verdict.PASS, f"level over {windows:.1f} windows at {int(taken.max()):,} bytes", measured
    )


def _fullest(
    history: History, prints: Footprint, chosen: Bools, rows: Bools, yardstick: Yardstick
) -> tuple[int, int, str]:
    """(entries, bound, name) of the client's key that exceeds its bound most, all names summed.

    A plain value counts as the entries that its bytes could hold.
    """
    bounds = np.array([2 * (yardstick.limit + key.clients) + 8 for key in history.keys])
    owner = prints.owner[prints.series.name]
    rows = rows & (owner != NOBODY)
    if not rows.any():
        return 0, int(bounds[chosen].max()), ""
    series = prints.series
    held = np.where(
        prints.entries > 1, prints.entries, np.maximum(1, series.size // BYTES_AN_ENTRY - 4)
    )
    place = owner[rows] * len(series.instants) + prints.sample[rows]
    places, inverse = np.unique(place, return_inverse=True)
    sums = np.bincount(inverse, held[rows])
    whose = places // len(series.instants)
    top = int(np.argmax(sums / bounds[whose]))
    return int(sums[top]), int(bounds[whose[top]]), history.keys[int(whose[top])].name


def _slope(x: Floats, y: Floats | Int64s) -> float:
    return round(theil_sen(x.tolist(), y.tolist()).slope, 3)


def _side_keys(prints: Footprint) -> int:
    """Names on the server beyond one for each client's key."""
    owned = prints.owner[prints.owner != NOBODY]
    return len(prints.owner) - len(np.unique(owned))


def _full(now: int, held: float, measured: Mapping[str, Any]) -> str:
    """When 1 GB is full, at the slope that was measured."""
    seconds = (GIGABYTE - held) / max(float(measured["bytes_per_second"]), 1e-9)
    try:
        at = datetime.fromtimestamp(now // NANOSECONDS, UTC) + timedelta(seconds=max(seconds, 0.0))
    except OverflowError:
        return "after the year 9999"
    return at.strftime("%Y-%m-%d %H:%M UTC")
