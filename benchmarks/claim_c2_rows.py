"""What one run of claim C2 says: figures from a history, and the sentence that follows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from limitproof.check.judge import judge
from limitproof.check.occupancy import certain_counts
from limitproof.check.timeline import lay_out
from limitproof.check.yardstick import Yardstick, promise_of_meta
from limitproof.history.columns import History
from limitproof.history.meta import NANOSECONDS
from limitproof.history.outcome import Outcome

CLAIMED = 10_000  # requests a second on one key, below which C2 calls the pipeline acceptable


@dataclass(frozen=True, slots=True)
class Row:
    """One limiter under one rate on one key.

    intended: requests a second (None: a closed loop, as fast as it goes), achieved: those sent;
    seconds: from the first request to the last answer; windows: that, in windows; dropped: open
    loop requests never sent; failed: those without an answer of the contract;
    overshoot, possible_overshoot: of the check `overshoot`, in requests; peak: the worst window
    for certain; above: the share of windows, one begun at every admission, that hold more than
    the limit for certain; filled: admitted, as a share of what the windows allow; latency: median
    from invocation to response in ms; verdict, cause: of the check.
    """

    limiter: str
    limit: int
    window: float
    intended: float | None
    achieved: float
    seconds: float
    windows: float
    admitted: int
    refused: int
    dropped: int
    failed: int
    overshoot: int
    possible_overshoot: int
    peak: int
    above: float
    filled: float
    latency: float
    verdict: str
    cause: str | None


def row_of(history: History, intended: float | None) -> Row:
    """The figures of a history of one key. Raises ValueError when nothing is in it."""
    meta, operations = history.meta, history.operations
    sent = operations.select(operations.sent)
    if not len(sent):
        raise ValueError(f"{meta.limiter}: no request was sent")
    check = judge(history, names=("overshoot",)).checks[0]
    seconds = float(sent.response.max() - sent.invocation.min()) / NANOSECONDS
    windows = seconds / meta.window
    admitted = int(sent.having(Outcome.ADMITTED).sum())
    refused = int(sent.having(Outcome.REJECTED).sum())
    return Row(
        limiter=meta.target,
        limit=meta.limit,
        window=meta.window,
        intended=intended,
        achieved=len(sent) / seconds,
        seconds=seconds,
        windows=windows,
        admitted=admitted,
        refused=refused,
        dropped=len(operations) - len(sent),
        failed=len(sent) - admitted - refused,
        overshoot=check.measured["overshoot"],
        possible_overshoot=check.measured["possible_overshoot"],
        peak=check.measured["peak"],
        above=share_above(history),
        filled=admitted / (meta.limit * windows),
        latency=float(np.median(sent.response - sent.invocation)) / 1e6,
        verdict=check.verdict.value,
        cause=check.cause.value if check.cause else None,
    )


def share_above(history: History) -> float:
    """Of the windows that begin at an admission and end within the history, the share that holds
    more admissions than the limit for certain; 0 when there is no such window."""
    yardstick = Yardstick.of(promise_of_meta(history.meta))
    line = lay_out(history, yardstick)
    intervals = line.admitted.intervals
    if not len(intervals):
        return 0.0
    counts = certain_counts(intervals, yardstick.strict)
    whole = intervals.start + yardstick.window <= int(line.intervals.end.max())
    return float(np.mean(counts[whole] > yardstick.limit)) if whole.any() else 0.0


HEADER = (
    f"{'limiter':<23}{'quota':>11}{'intended/s':>11}{'achieved/s':>11}{'windows':>8}"
    f"{'worst':>6}{'certain':>8}{'possible':>9}{'above':>8}{'filled':>8}{'ms':>7}"
)


def table(rows: Sequence[Row]) -> str:
    """The rows as aligned text, with a line that says what the columns are."""
    return "\n".join([HEADER, *(_line(row) for row in rows), *LEGEND])


def _line(row: Row) -> str:
    quota = f"{row.limit}/{row.window:g} s"
    intended = "max" if row.intended is None else f"{row.intended:,.0f}"
    return (
        f"{row.limiter:<23}{quota:>11}{intended:>11}{row.achieved:>11,.0f}{row.windows:>8.0f}"
        f"{row.peak:>6}{row.overshoot:>8}{row.possible_overshoot:>9}{row.above:>8.1%}"
        f"{row.filled:>8.0%}{row.latency:>7.2f}"
    )


LEGEND = (
    "worst: most admitted in one window for certain; certain, possible: overshoot past the limit;",
    "above: share of the windows begun at an admission that are certainly above the limit;",
    "filled: admitted, as a share of the quota; ms: median time of a request.",
)


def findings(rows: Sequence[Row]) -> Iterator[str]:
    """What was seen of each limiter, and no more than that, one sentence an item."""
    for limiter in dict.fromkeys(row.limiter for row in rows):
        own = [row for row in rows if row.limiter == limiter]
        below = [row for row in own if row.achieved < CLAIMED]
        beyond = [row for row in own if row.achieved >= CLAIMED]
        yield f"{limiter}, below {CLAIMED:,} req/s: {_seen(below)}."
        yield f"{limiter}, above {CLAIMED:,} req/s: {_seen(beyond)}."
        causes = sorted({row.cause for row in own if row.overshoot and row.cause})
        if causes:
            yield f"{limiter}: cause of its overshoot, where it can be told: {', '.join(causes)}."


def _seen(rows: Sequence[Row]) -> str:
    if not rows:
        return "not reached here, so nothing is said"
    rates = dict.fromkeys(f"{row.achieved:,.0f}" for row in sorted(rows, key=lambda r: r.achieved))
    span = " to ".join([*rates][:: max(1, len(rates) - 1)])
    where = f"{sum(row.windows for row in rows):,.0f} windows at {span} req/s"
    above = [row for row in rows if row.overshoot]
    if not above:
        possible = max(row.possible_overshoot for row in rows)
        return f"no certain overshoot in {where} (at most {possible} possible in one)"
    worst = max(above, key=lambda row: row.overshoot / row.limit)
    return (
        f"certain overshoot in {len(above)} of {len(rows)} runs ({where}), from "
        f"{min(row.achieved for row in above):,.0f} req/s on; at worst {worst.peak:,} admitted "
        f"where {worst.limit} may be, at {worst.achieved:,.0f} req/s"
    )


def to_json(row: Row) -> dict[str, Any]:
    """A row as plain data, rounded to what it is worth."""
    return {
        name: round(value, 4) if isinstance(value, float) else value
        for name in Row.__dataclass_fields__
        for value in [getattr(row, name)]
    }
