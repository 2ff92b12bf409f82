"""A check's evidence as a small drawing: one lane a client, one bar an operation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from limitproof.check.verdict import Evidence
from limitproof.report.numbers import count

MOST_DRAWN = 50
MOST_ROWS = 8  # of a table
LEFT, WIDTH, LANE, TOP, FOOT = 66, 760, 14, 6, 20  # units of the drawing, about pixels
NARROWEST, PAD, BREAK = 1.5, 8, 34
LONG_PAUSE = 0.15  # of the whole; a pause that long is cut short
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

    lanes: (y, name); ticks: (x, text); pauses: x in the middle of each pause that is cut short;
    window: (x, width) of the shade; hidden: operations of the window that are not drawn; alt: the
    drawing in words.
    """

    width: int
    height: int
    lanes: tuple[tuple[float, str], ...]
    ticks: tuple[tuple[float, str], ...]
    pauses: tuple[float, ...]
    bars: tuple[Bar, ...]
    window: tuple[float, float]
    hidden: int
    alt: str

    bar_height = LANE - 4

    @property
    def base(self) -> int:
        """Where the axis lies."""
        return self.height - FOOT


@dataclass(frozen=True, slots=True)
class _Axis:
    """Instants to places: stretches of time, each (start, end, x, width), with pauses between."""

    stretches: tuple[tuple[int, int, float, float], ...]

    def __call__(self, instant: int) -> float:
        for start, end, x, width in self.stretches:
            if instant <= end:
                share = max(instant - start, 0) / max(end - start, 1)
                return round(x + share * width, 1)
        return self.end

    @property
    def end(self) -> float:
        _, _, x, width = self.stretches[-1]
        return round(x + width, 1)


def timeline(evidence: Evidence) -> Timeline | None:
    """The evidence as a timeline; None where its rows are not two operations or more."""
    rows = evidence.rows[:MOST_DRAWN]
    if len(rows) < 2 or not _operations(rows):
        return None
    clients = sorted({(int(row["process"]), int(row["client"])) for row in rows})
    lane = {client: TOP + LANE * number for number, client in enumerate(clients)}
    busy = _busy(rows)
    axis, origin = _axis(busy), busy[0][0]
    bars = tuple(
        _bar(row, axis, lane[int(row["process"]), int(row["client"])], origin) for row in rows
    )
    opened = axis(evidence.start) - PAD / 2
    closed = axis(evidence.end) + PAD / 2
    return Timeline(
        width=WIDTH,
        height=TOP + LANE * len(clients) + FOOT,
        lanes=tuple((lane[p, c], f"client {p}.{c}") for p, c in clients),
        ticks=_ticks(axis, origin),
        pauses=tuple(x - BREAK / 2 for _, _, x, _ in axis.stretches[1:]),
        bars=bars,
        window=(round(opened, 1), round(closed - opened, 1)),
        hidden=max(0, evidence.total - len(rows)),
        alt=(
            f"{count(evidence.total)} operations of {len(clients)} clients on key "
            f"{evidence.key[:80]} within {duration(busy[-1][1] - origin)}"
        ),
    )


def sentence(evidence: Evidence) -> str:
    """A single operation in words; empty where it is none, or not the only one."""
    if len(evidence.rows) != 1 or not _operations(evidence.rows):
        return ""
    row = evidence.rows[0]
    more = f", the first of {count(evidence.total)}" if evidence.total > 1 else ""
    return f"client {row['process']}.{row['client']}{more}: {_told(row)}"


def _operations(rows: Sequence[Mapping[str, Any]]) -> bool:
    return all(name in row for row in rows for name in NEEDED)


def _busy(rows: Sequence[Mapping[str, Any]]) -> list[tuple[int, int]]:
    """Stretches of time without a long pause, from the first invocation to the last response."""
    spans = sorted((int(row["invocation"]), int(row["response"])) for row in rows)
    pause = LONG_PAUSE * (max(end for _, end in spans) - spans[0][0])
    busy = [spans[0]]
    for start, end in spans[1:]:
        if start - busy[-1][1] > pause:
            busy.append((start, end))
        else:
            busy[-1] = (busy[-1][0], max(end, busy[-1][1]))
    return busy


def _axis(busy: Sequence[tuple[int, int]]) -> _Axis:
    """Stretches get room by their length, though each enough to be seen."""
    room = WIDTH - LEFT - 2 * PAD - BREAK * (len(busy) - 1)
    least = room / (2 * len(busy))
    total = sum(end - start for start, end in busy) or 1
    x, stretches = float(LEFT + PAD), []
    for start, end in busy:
        width = least + (room - least * len(busy)) * (end - start) / total
        stretches.append((start, end, x, width))
        x += width + BREAK
    return _Axis(tuple(stretches))


def duration(nanoseconds: float) -> str:
    """7.73 ms: three digits, in the unit that suits."""
    for unit, name in UNITS:
        if abs(nanoseconds) >= unit:
            return f"{nanoseconds / unit:.3g} {name}"
    return "0 s"


def table(rows: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Headings and cells of evidence that is no operations: what was left on the server."""
    shown = rows[:MOST_ROWS]
    headings = tuple(dict.fromkeys(str(name) for row in shown for name in row))
    return headings, tuple(tuple(str(row.get(name, "")) for name in headings) for row in shown)


def _bar(row: Mapping[str, Any], axis: _Axis, y: float, origin: int) -> Bar:
    start, end = int(row["invocation"]), int(row["response"])
    left = axis(start)
    width = round(max(axis(end) - left, NARROWEST), 1)
    return Bar(left, y, width, str(row["outcome"]), f"+{duration(start - origin)}: {_told(row)}")


def _told(row: Mapping[str, Any]) -> str:
    told = f"{row['outcome']}, took {duration(int(row['response']) - int(row['invocation']))}"
    if row.get("remaining") is not None:
        told += f", told {row['remaining']:g} remaining"
    if row.get("retry_after") is not None:
        told += f", told to retry after {row['retry_after']:g} s"
    return told


def _ticks(axis: _Axis, origin: int) -> tuple[tuple[float, str], ...]:
    """Round instants counted from the first invocation, five or so; starts where there are cuts."""
    (first, last, *_), *others = axis.stretches
    if others:
        starts = [start for start, *_ in axis.stretches]
        return tuple(
            (axis(at), f"+{duration(at - origin)}" if at > origin else "0") for at in starts
        )
    span = max(last - first, 1)
    step = next(
        size * 10**power
        for power in range(20)
        for size in (1, 2, 5)
        if span / (size * 10**power) <= 6
    )
    return tuple((axis(first + at), duration(at) if at else "0") for at in range(0, span + 1, step))
