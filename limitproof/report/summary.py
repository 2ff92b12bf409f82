"""One limiter's line in a report, from its judgement and its history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from limitproof.check.verdict import CheckResult, Judgement, Verdict
from limitproof.events import LimiterJudged
from limitproof.history.columns import History
from limitproof.history.meta import NANOSECONDS
from limitproof.report.counterexamples import in_short
from limitproof.report.numbers import count, si


@dataclass(frozen=True, slots=True)
class Line:
    """What a person compares limiters by.

    overshoot certain and possible, in requests above the limit; beyond_sliding: what the same
    history overshoots a sliding window of the quota, where that is not what was promised (None
    where it is); ratio: the worst window over the limit; slope: bytes a request that stay for
    ever (None where memory does not grow), memory: the same in words; rate: operations a second
    in the busiest scenario; explored: what exploring has shown.
    """

    limiter: str
    written_by: str
    verdict: Verdict
    cause: str
    failed: tuple[str, ...]
    overshoot: int | None
    possible: int | None
    beyond_sliding: int | None
    ratio: float | None
    excess: int | None
    false_rejections: int | None
    slope: float | None
    memory: str
    rate: float
    operations: int
    interrupted: str
    explored: str = "-"

    @property
    def overshoot_told(self) -> str:
        """The certain overshoot; in brackets what is beyond a window that was not promised."""
        if self.beyond_sliding:
            return f"({count(self.beyond_sliding)})"
        return count(self.overshoot)

    @property
    def ratio_told(self) -> str:
        return "-" if self.ratio is None else f"{self.ratio:.2f}"


def line_of(judged: LimiterJudged) -> Line:
    """The line of one judged limiter."""
    judgement, history = judged.judgement, judged.history
    over = _measured(judgement, "overshoot")
    promised_other = history.meta.promise.get("kind") != "sliding"
    return Line(
        limiter=judged.limiter,
        written_by=judged.written_by or "-",
        verdict=judgement.verdict,
        cause=judgement.cause.value if judgement.cause else "",
        failed=tuple(c.name for c in judgement.checks if c.verdict is Verdict.FAIL),
        overshoot=over.get("overshoot"),
        possible=over.get("possible_overshoot"),
        beyond_sliding=over.get("sliding_overshoot") if promised_other else None,
        ratio=over.get("ratio"),
        excess=over.get("excess"),
        false_rejections=_measured(judgement, "false-rejection").get("count"),
        slope=_slope(judgement.check("memory")),
        memory=_memory(judgement.check("memory")),
        rate=busiest_rate(history),
        operations=int(history.operations.sent.sum()),
        interrupted=history.meta.interrupted,
        explored=in_short(judged.explored),
    )


def _slope(check: CheckResult | None) -> float | None:
    grows = check is not None and check.measured.get("full_1gb_at") is not None
    return float(check.measured["bytes_per_request"]) if check and grows else None


def _memory(check: CheckResult | None) -> str:
    slope = _slope(check)
    if slope is not None:
        return f"{si(slope)} B/req"
    if check is None or check.verdict in (Verdict.UNKNOWN, Verdict.NOT_TOLD):
        return "-"
    return "bounded" if check.verdict is Verdict.PASS else "by traffic"


def busiest_rate(history: History) -> float:
    """Operations a second in the scenario that sent most; 0 when nothing was sent."""
    scenarios = [key.scenario for key in history.keys]
    best = 0.0
    for name in dict.fromkeys(scenarios):
        part = history.of_scenario(name).operations
        part = part.select(part.sent)
        if len(part) < 2:
            continue
        span = int(part.response.max() - part.invocation.min())
        if span > NANOSECONDS // 2:  # a burst of ten requests has no rate
            best = max(best, len(part) * NANOSECONDS / span)
    return best


@dataclass(frozen=True, slots=True)
class OpenLoop:
    """How well an open loop kept its schedule: requests sent late (> 1 ms), and never sent.

    latency: seconds from the intended instant to the answer, (median, 99th percentile, worst).
    """

    intended: int
    late: int
    dropped: int
    latency: tuple[float, float, float]


def open_loop(history: History) -> OpenLoop | None:
    """The open-loop part of a history; None for a closed loop."""
    if history.meta.rate is None:
        return None
    operations = history.operations
    part = operations.select(np.not_equal(operations.intended, operations.invocation))
    sent = part.select(part.sent)
    late = int(np.count_nonzero(sent.invocation - sent.intended > NANOSECONDS // 1000))
    waits = (sent.response - sent.intended) / NANOSECONDS
    quantiles = np.quantile(waits, (0.5, 0.99, 1.0)) if len(waits) else np.zeros(3)
    median, high, worst = (float(value) for value in quantiles)
    return OpenLoop(len(part), late, len(part) - len(sent), (median, high, worst))


def _measured(judgement: Judgement, name: str) -> dict[str, Any]:
    check: CheckResult | None = judgement.check(name)
    return dict(check.measured) if check else {}
