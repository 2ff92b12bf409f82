"""Verdicts: pass, fail or unknown, and how they merge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """Three values, and one for a check that a limiter gives no handle for."""

    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    UNKNOWN = "unknown"
    NOT_TOLD = "not told"  # the limiter does not tell what this check would judge: neither


def merge(verdicts: Iterable[Verdict]) -> Verdict:
    """One verdict for many: fail over unknown over pass. None at all is unknown, never a pass."""
    seen = set(verdicts)
    for verdict in (Verdict.FAIL, Verdict.UNKNOWN, Verdict.PASS):
        if verdict in seen:
            return verdict
    return Verdict.UNKNOWN


class Cause(StrEnum):
    """What it takes to see a defect."""

    ALGORITHM = "algorithm"  # happens with one client after the other
    RACE = "race"  # needs an interleaving
    FAULT = "fault"  # needs a crash, a lost reply, skew, an outage


@dataclass(frozen=True, slots=True)
class Evidence:
    """The operations that prove a failure.

    key and scenario say where; start and end (ns since the epoch) bound the worst window;
    rows are the operations, each a mapping of column name to value, the first few where many.
    """

    key: str
    scenario: str
    start: int
    end: int
    total: int
    rows: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check of one limiter.

    `measured` holds plain numbers and strings (units in the names or documented by the check);
    `because` is one sentence that a person reads; `complete` is True when nothing was left
    unexplored; `accepted` is True for a failure that its owner has written down as known: it is
    told, and does not count. `schedules` is how many interleavings were looked at, None where none
    were, and `counterexample` the file of the schedule that fails, within the run's folder.
    """

    name: str
    verdict: Verdict
    because: str
    cause: Cause | None = None
    measured: Mapping[str, Any] = field(default_factory=dict)
    evidence: Evidence | None = None
    complete: bool | None = None
    accepted: bool = False
    schedules: int | None = None
    counterexample: str | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """All checks of one limiter in one history."""

    limiter: str
    quota: Mapping[str, Any]
    seed: int
    server: Mapping[str, str]
    checks: tuple[CheckResult, ...]

    @property
    def verdict(self) -> Verdict:
        known = (one.verdict for one in self.checks if not one.accepted)
        accepted = bool(self.checks) and all(one.accepted for one in self.checks)
        return Verdict.PASS if accepted else merge(known)

    @property
    def cause(self) -> Cause | None:
        """The simplest cause among the failures: algorithm before race before fault."""
        failed = {
            check.cause
            for check in self.checks
            if check.verdict is Verdict.FAIL and not check.accepted
        }
        return next((cause for cause in Cause if cause in failed), None)

    def check(self, name: str) -> CheckResult | None:
        return next((check for check in self.checks if check.name == name), None)
