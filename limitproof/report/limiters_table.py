"""The table of a load run for the terminal: one row a limiter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table

from limitproof.events import LimiterJudged
from limitproof.report.console import styled
from limitproof.report.numbers import count
from limitproof.report.summary import line_of


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of the limiters' table; `keep` says how long it stays when space runs out."""

    heading: str
    cells: Sequence[str]
    keep: int
    right: bool = True

    @property
    def width(self) -> int:
        return max(len(self.heading), *(len(cell) for cell in self.cells)) + 2


def limiters_table(judged: Sequence[LimiterJudged], width: int = 160) -> Table:
    """One row a limiter; overshoot is told as certain / possible.

    What does not fit into `width` characters is left out by whole columns, the least telling
    first: no number and no verdict is ever cut.
    """
    lines = [line_of(one) for one in judged]
    shown = [
        _Column("limiter", [line.limiter for line in lines], 9, right=False),
        _Column("verdict", [line.verdict.value for line in lines], 9, right=False),
        _Column("cause", [line.cause or "-" for line in lines], 8, right=False),
        _Column("overshoot", [f"{o.overshoot_told} / {count(o.possible)}" for o in lines], 7),
        _Column("ratio", [line.ratio_told for line in lines], 3),
        _Column("excess", [count(line.excess) for line in lines], 2),
        _Column("false rej.", [count(line.false_rejections) for line in lines], 5),
        _Column("memory", [line.memory for line in lines], 6),
        _Column("req/s", [count(line.rate) for line in lines], 4),
    ]
    if any(line.explored != "-" for line in lines):
        shown.insert(8, _Column("explored", [line.explored for line in lines], 8, right=False))
    if any(line.written_by != "-" for line in lines):
        authors = [_shortened(line.written_by, 28) for line in lines]
        shown.append(_Column("written by", authors, 1, right=False))
    while len(shown) > 2 and sum(column.width for column in shown) > width:
        shown.remove(min(shown, key=lambda column: column.keep))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in shown:
        table.add_column(column.heading, justify="right" if column.right else "left", no_wrap=True)
    for line, *cells in zip(lines, *(column.cells for column in shown), strict=True):
        cells[1] = styled(line.verdict)
        table.add_row(*cells)
    return table


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
