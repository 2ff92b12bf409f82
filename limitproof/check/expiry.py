"""`expiry`: the state of idle keys vanishes by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from limiters.promise import Promise
from limitproof.check.footprint import NOBODY, footprint
from limitproof.check.settle import plural, settle
from limitproof.check.verdict import Cause, CheckResult, Evidence, Verdict
from limitproof.check.yardstick import Yardstick, nanoseconds
from limitproof.history.columns import History, Int64s
from limitproof.history.meta import NANOSECONDS
from limitproof.history.outcome import Outcome

NAME = "expiry"
MOST_NAMES = 20
SLACK = 2 * NANOSECONDS
"""A TTL in whole seconds may be a second longer than the window, and be set a second late."""


def expiry(history: History, promise: Promise) -> CheckResult:
    """Judges, for every key, the last sample taken long enough after its last operation.

    Long enough is two windows, or a window and two seconds if that is longer. What is left then
    and has no TTL fails (immortal), and so does what is left with a TTL of more than a window and
    two seconds; what will go sooner is only named. measured: idle_keys (judged), left, immortal,
    lingering, names (the first few left), idle_seconds (the longest idleness seen).
    """
    yardstick = Yardstick.of(promise)
    series = history.state
    if not len(series.instants):
        return _unknown("no sample of the server's keys was taken")
    if not series.names:
        return _unknown("the limiter was never seen to keep anything on the server")
    last = _last_use(history)
    if not (last >= 0).any():
        return _unknown("there are no operations")
    idle = max(2 * yardstick.window, yardstick.window + SLACK)
    end = int(series.instants[-1])
    prints = footprint(series, history.keys)
    # a name that belongs to no client's key is idle when all of them are
    used = np.append(last, last.max())[prints.owner]  # NOBODY is the last place
    judged = (used >= 0) & (end >= used + idle)
    rows = judged[series.name] & (series.instant == end)
    left = series.name[rows]
    immortal, lingering = (
        series.ttl[rows] == -1,
        series.ttl[rows] > (yardstick.window + SLACK) // 1_000_000,
    )
    longest = int((end - used[judged]).max()) if judged.any() else 0
    measured: dict[str, Any] = {
        "idle_keys": int(((last >= 0) & (end >= last + idle)).sum()),
        "left": len(left),
        "immortal": int(immortal.sum()),
        "lingering": int(lingering.sum()),
        "names": [series.names[int(name)] for name in left[:MOST_NAMES]],
        "idle_seconds": round(longest / NANOSECONDS, 3),
    }
    bad = immortal | lingering
    if bad.any():
        result = _failed(history, prints.owner, left[bad], immortal[bad], used, end)
    elif not judged.any():
        result = _unknown("no key was watched long enough after its last operation")
    else:
        result = CheckResult(
            NAME,
            Verdict.PASS,
            f"{plural(measured['idle_keys'], 'idle key')} watched"
            + (
                f"; {plural(len(left), 'name')} left, about to expire"
                if len(left)
                else ": all gone"
            ),
            complete=True,
        )
    return settle(history, replace(result, measured=measured))


def _unknown(because: str) -> CheckResult:
    return CheckResult(NAME, Verdict.UNKNOWN, because, complete=False)


def _last_use(history: History) -> Int64s:
    """For every key the last instant at which a client was busy with it, ns; −1 for never.

    An operation of unknown end has the last instant of the history as its response: for this
    question its invocation is the better guess.
    """
    operations = history.operations.select(history.operations.sent)
    lost = np.equal(operations.outcome, Outcome.UNKNOWN)
    last = np.full(len(history.keys), -1, dtype=np.int64)
    np.maximum.at(last, operations.key, np.where(lost, operations.invocation, operations.response))
    if len(last):
        last[last >= 0] += nanoseconds(history.meta.clock_error)
    return last


def _failed(
    history: History, owner: Int64s, names: Int64s, immortal: Int64s, used: Int64s, end: int
) -> CheckResult:
    series = history.state
    first = int(np.flatnonzero(immortal)[0]) if immortal.any() else 0
    name = int(names[first])
    whose = int(owner[name])
    key = history.keys[whose] if whose != NOBODY else None
    kept = "without a TTL: it never expires" if immortal.any() else "with a TTL far too long"
    at_end = (series.instant == end)[:, None] & (series.name[:, None] == names[None, :50])
    rows: tuple[Mapping[str, Any], ...] = tuple(
        {
            "name": series.names[int(series.name[row])],
            "ttl_ms": int(series.ttl[row]),
            "size": int(series.size[row]),
            "elements": int(series.elements[row]),
        }
        for row in np.flatnonzero(at_end.any(axis=1))
    )
    return CheckResult(
        NAME,
        Verdict.FAIL,
        f"{plural(len(names), 'key')} left behind by idle clients, {series.names[name]!r} {kept}",
        cause=Cause.ALGORITHM,
        evidence=Evidence(
            key=key.name if key else series.names[name],
            scenario=key.scenario if key else "",
            start=int(used[name]),
            end=end,
            total=len(names),
            rows=rows,
        ),
        complete=True,
    )
