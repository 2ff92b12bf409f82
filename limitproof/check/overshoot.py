"""`overshoot`: more was admitted in some window than the promise allows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from limiters.promise import Promise
from limitproof.check.assignment import Assignment, keep_limit, least_peak
from limitproof.check.bursts import Burst, possible_peak, worst_burst
from limitproof.check.cause import demanding, sequence_of
from limitproof.check.contention import needing_contention
from limitproof.check.evidence import evidence, inside
from limitproof.check.exact import MOST_STEPS
from limitproof.check.excess import excess_of
from limitproof.check.occupancy import possible_counts
from limitproof.check.settle import plural, settle
from limitproof.check.timeline import Timeline, lay_out
from limitproof.check.verdict import CheckResult, Evidence, Verdict
from limitproof.check.yardstick import TOLERANCE, Yardstick, nanoseconds
from limitproof.history.columns import Bools, History
from limitproof.history.outcome import Outcome

NAME = "overshoot"
CHEAP = 400_000  # steps: what is known to be a violation is refined only as far as that goes


def overshoot(history: History, promise: Promise) -> CheckResult:
    """Judges the admissions of every key against the promise's arrival curve.

    measured: overshoot (units above the limit in the worst window, for certain),
    possible_overshoot (for some choice of instants), exact_overshoot (the least over all choices;
    None when too large to decide, or not defined for the promise), limit, peak, ratio (peak /
    limit),
    admitted, refused, excess (admissions that an ideal limiter would have refused), keys,
    tolerance_ms, sliding_overshoot (against a sliding window of the same quota: told, not
    failed). Fails only for what holds whatever the unseen instants were.
    """
    yardstick = Yardstick.of(promise)
    everything = lay_out(history, yardstick, _busy_keys(history, yardstick.limit))
    finding = _find(everything.admitted, everything.possibly_admitted, yardstick)
    quota = Yardstick("sliding", history.meta.limit, nanoseconds(history.meta.window))
    measured = _measured(history, finding)
    sliding = finding.overshoot if quota == yardstick else _against_sliding(history, quota)
    measured["sliding_overshoot"] = sliding
    if finding.violated:
        result = _failed(history, everything, yardstick, finding)
    else:
        reached = demanding(everything, yardstick)
        kept = _kept(int(reached.sum()), yardstick, quota, sliding)
        result = _unviolated(finding, reached, measured, kept)
        result = needing_contention(history, everything, yardstick, result)
    return settle(history, replace(result, measured=measured))


@dataclass(frozen=True, slots=True)
class _Finding:
    """What the admissions show: the worst certain burst, and whether instants exist at all.

    exact: the least overshoot over all choices of instants; None when it is not known.
    """

    limit: int
    certain: Burst | None
    possible: int
    assignment: Assignment | None = None
    exact: int | None = None
    excess: int = 0

    @property
    def infeasible(self) -> bool:
        return self.assignment is not None and self.assignment.feasible is False

    @property
    def violated(self) -> bool:
        return self.overshoot > 0

    @property
    def overshoot(self) -> int:
        known = max(0, self.certain.peak - self.limit) if self.certain else 0
        return max(known, self.exact or 0, int(self.infeasible))

    @property
    def peak(self) -> int:
        if self.overshoot:
            return self.limit + self.overshoot
        return self.certain.peak if self.certain else 0


def _busy_keys(history: History, limit: int) -> Bools:
    """Only a key that was asked for more than the limit can have overshot, or shown anything.

    Where there is none, the key that was asked for most, so that its peak is told.
    """
    operations = history.operations
    counted = operations.sent & (operations.cost > 0)
    cost = operations.cost[counted]
    asked = np.bincount(
        operations.key[counted],
        None if (cost == 1).all() else cost,
        minlength=len(history.keys),
    )
    busy = asked > limit
    if not busy.any() and len(asked):
        busy[np.argmax(asked)] = True
    return np.asarray(busy)


def _find(admitted: Timeline, possibly: Timeline, yardstick: Yardstick) -> _Finding:
    certain = worst_burst(admitted, yardstick)
    possible = possible_peak(possibly, yardstick)
    limit, window, intervals = yardstick.limit, yardstick.strict, admitted.intervals
    if certain is None:
        return _Finding(limit, certain, possible)
    known = certain.peak > limit
    if yardstick.kind != "sliding":
        excess = excess_of(intervals.in_units().end, yardstick) if known else 0
        return _Finding(limit, certain, possible, excess=excess)
    assignment = keep_limit(intervals, window, limit, 0 if known else MOST_STEPS)
    excess = excess_of(assignment.instants, yardstick) if assignment.feasible is not True else 0
    exact: int | None = 0
    if assignment.feasible is not True:
        # what is known to be above the limit is refined only as far as that is cheap
        low, high = max(certain.peak, limit + 1), int(possible_counts(intervals, window).max())
        settled = known or assignment.feasible is False
        least = least_peak(intervals, window, low, high, CHEAP) if settled else None
        exact = None if least is None else least - limit
    if not intervals.unit and certain.peak < possible:
        exact = None  # an operation of cost 2 was taken apart: the least peak may be higher
    return _Finding(limit, certain, possible, assignment, exact, excess)


def _against_sliding(history: History, quota: Yardstick) -> int:
    line = lay_out(history, quota, _busy_keys(history, quota.limit)).admitted
    burst = worst_burst(line, quota)
    return max(0, burst.peak - quota.limit) if burst else 0


def _measured(history: History, finding: _Finding) -> dict[str, Any]:
    operations = history.operations
    return {
        "overshoot": finding.overshoot,
        "possible_overshoot": max(0, finding.possible - finding.limit, finding.overshoot),
        "exact_overshoot": finding.exact,
        "limit": finding.limit,
        "peak": finding.peak,
        "ratio": round(finding.peak / finding.limit, 4),
        "admitted": int(operations.having(Outcome.ADMITTED).sum()),
        "refused": int(operations.having(Outcome.REJECTED).sum()),
        "unknown": int(operations.having(Outcome.UNKNOWN).sum()),
        "excess": finding.excess,
        "keys": len(np.unique(operations.key)),
        "tolerance_ms": TOLERANCE / 1_000_000,
    }


def _failed(
    history: History, everything: Timeline, yardstick: Yardstick, finding: _Finding
) -> CheckResult:
    admitted = everything.admitted
    sequence = sequence_of(history, everything, yardstick)
    alone = sequence.alone(admitted)
    # one client after the other: in a scenario that is so throughout, else on a key so far
    parts = (alone & sequence.plain[admitted.segment], alone)
    proofs = (_proof(history, admitted.where(part), yardstick) for part in parts)
    peak, proof = next((found for found in proofs if found), (0, None))
    cause, why = sequence.cause(peak, finding.peak)
    if proof is None and (found := _proof(history, admitted, yardstick)):
        proof = found[1]
    allowed = plural(finding.limit, "request")
    span = f"{yardstick.window / 1e9:g} s"
    said = {
        "sliding": f"{finding.peak:,} were admitted within one window of {span}",
        "fixed": f"one of the windows of {span} held {finding.peak:,} or more",
        "token": f"{finding.peak:,} were admitted beyond the rate",
    }[yardstick.kind]
    return CheckResult(
        NAME,
        Verdict.FAIL,
        f"{said} where {allowed} may be; {why}",
        cause=cause,
        evidence=proof,
        complete=True,
    )


def _proof(
    history: History, admitted: Timeline, yardstick: Yardstick
) -> tuple[int, Evidence] | None:
    """The operations that break the promise by themselves, and their peak; None: these do not."""
    burst = worst_burst(admitted, yardstick)
    if burst is None:
        return None
    start, end, segment, peak = burst.start, burst.end, burst.segment, burst.peak
    if peak <= yardstick.limit:
        if yardstick.kind != "sliding":
            return None
        stuck = keep_limit(admitted.intervals, yardstick.strict, yardstick.limit).proof
        if stuck is None:
            return None
        peak, start, end = yardstick.limit + 1, int(stuck.start[0]), int(stuck.end.max())
        segment = int(admitted.segment[np.searchsorted(admitted.intervals.start, start)])
    rows = inside(admitted, start, end)
    return peak, evidence(history, admitted, segment, (start, end), rows)


def _unviolated(
    finding: _Finding, reached: Bools, measured: dict[str, Any], kept: str
) -> CheckResult:
    verdict, complete = Verdict.UNKNOWN, False
    if not measured["admitted"]:
        because = "nothing was admitted" if measured["refused"] else "no operation was decided"
    elif not reached.any():
        because = "no key was asked for more than its limit within one window"
    elif not measured["refused"]:
        because = "nothing had to be refused for certain, and nothing was"
    elif finding.assignment is not None and finding.assignment.feasible is None:
        because = "no overshoot is certain, but too many operations overlap to decide exactly"
    else:
        verdict, complete, because = Verdict.PASS, True, kept
    return CheckResult(NAME, verdict, because, complete=complete)


def _kept(keys: int, yardstick: Yardstick, quota: Yardstick, sliding: int) -> str:
    """What a pass says; with what a sliding window of the same quota would not have allowed."""
    asked, limit = f"{plural(keys, 'key')} asked for more than", f"{yardstick.limit:,}"
    held = f"up to {quota.limit + sliding:,} within {quota.window / 1e9:g} s"
    if yardstick.kind == "fixed":
        beside = f" ({held} across an edge, which fixed windows permit)" if sliding else ""
        windows = "its windows" if keys == 1 else "their windows"
        return f"{asked} {limit} a window and got no more than {windows} allow{beside}"
    if yardstick.kind == "token":
        beside = f" ({held}, which a full bucket that refills permits)" if sliding else ""
        return f"{asked} a bucket of {limit} and got no more than its burst and rate allow{beside}"
    return f"{asked} the limit of {limit} and got no more"
