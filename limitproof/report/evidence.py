"""A check's evidence as a small drawing: one lane a client, one bar an operation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from limitproof.check.verdict import Evidence
from limitproof.report.numbers import count

MOST_DRAWN = 50
LEFT, WIDTH, LANE, TOP, FOOT = 64, 760, 14, 6, 20  # units of the drawing, about pixels
NARROWEST = 1.5
NEEDED = ("process", "client", "invocation", "response", "outcome")
UNITS = ((1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs"), (1, "ns"))


@dataclass(frozen=True, slots=True)
class Bar:
    """One operation from invocation to response; `told` is its tooltip."""

    x: float
    y: float
    width: float
    outcome: str
    told: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """A drawing of `width` × `height` units.

    lanes: (y, name); ticks: (x, text); window: (x, width) of the shade; hidden: operations of the
    window that are not drawn; alt: the drawing in words.
    """

    width: int
    height: int
    lanes: tuple[tuple[float, str], ...]
    ticks: tuple[tuple[float, str], ...]
    bars: tuple[Bar, ...]
    window: tuple[float, float]
    hidden: int
    alt: str

    bar_height = LANE - 4
    left, top = LEFT, TOP

    @property
    def base(self) -> int:
        """Where the axis lies."""
        return self.height - FOOT


def timeline(evidence: Evidence) -> Timeline | None:
    """The evidence as a timeline; None where its rows are no operations."""
    rows = evidence.rows[:MOST_DRAWN]
    if not rows or not all(name in row for row in rows for name in NEEDED):
        return None
    clients = sorted({(int(row["process"]), int(row["client"])) for row in rows})
    first = min(int(row["invocation"]) for row in rows)
    last = max(int(row["response"]) for row in rows)
    margin = max(1, (last - first) // 25)
    low, high = first - margin, last + margin
    scale = (WIDTH - LEFT) / (high - low)

    def x(instant: int) -> float:
        return round(LEFT + (min(max(instant, low), high) - low) * scale, 1)

    lane = {client: TOP + LANE * number for number, client in enumerate(clients)}
    bars = tuple(_bar(row, x, lane[int(row["process"]), int(row["client"])], first) for row in rows)
    opened, closed = x(evidence.start), x(evidence.end)
    return Timeline(
        width=WIDTH,
        height=TOP + LANE * len(clients) + FOOT,
        lanes=tuple((lane[p, c], f"client {p}.{c}") for p, c in clients),
        ticks=tuple((x(at), text) for at, text in _ticks(first, last)),
        bars=bars,
        window=(opened, round(max(closed - opened, NARROWEST), 1)),
        hidden=max(0, evidence.total - len(rows)),
        alt=(
            f"{count(evidence.total)} operations of {len(clients)} clients on key {evidence.key} "
            f"within {duration(last - first)}"
        ),
    )


def duration(nanoseconds: float) -> str:
    """7.73 ms: three digits, in the unit that suits."""
    for unit, name in UNITS:
        if abs(nanoseconds) >= unit:
            return f"{nanoseconds / unit:.3g} {name}"
    return "0 s"


def table(rows: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Headings and cells of evidence that is no operations: what was left on the server."""
    shown = rows[:MOST_DRAWN]
    headings = tuple(dict.fromkeys(str(name) for row in shown for name in row))
    return headings, tuple(tuple(str(row.get(name, "")) for name in headings) for row in shown)


def _bar(row: Mapping[str, Any], x: Any, y: float, origin: int) -> Bar:
    start, end = int(row["invocation"]), int(row["response"])
    told = f"{row['outcome']}, +{duration(start - origin)}, took {duration(end - start)}"
    for name in ("remaining", "retry_after"):
        if row.get(name) is not None:
            told += f", {name} {row[name]:g}"
    left = x(start)
    return Bar(left, y, round(max(x(end) - left, NARROWEST), 1), str(row["outcome"]), told)


def _ticks(first: int, last: int) -> list[tuple[int, str]]:
    """Round instants counted from the first invocation, five or so."""
    span = max(last - first, 1)
    step = next(
        size * 10**power
        for power in range(20)
        for size in (1, 2, 5)
        if span / (size * 10**power) <= 6
    )
    return [(first + at, duration(at) if at else "0") for at in range(0, span + 1, step)]
