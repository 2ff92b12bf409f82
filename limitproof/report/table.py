"""Tables for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from limitproof.check.verdict import Judgement, Verdict
from limitproof.events import LimiterJudged
from limitproof.report.console import styled
from limitproof.report.numbers import count
from limitproof.report.summary import line_of


def wrapping_table(*headings: str) -> Table:
    """An empty table whose cells go on in the next line where they are too long."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def limiters_table(judged: Sequence[LimiterJudged]) -> Table:
    """One row a limiter; overshoot is told as certain / possible."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("limiter", no_wrap=True)
    table.add_column("written by", max_width=22, overflow="ellipsis", no_wrap=True)
    for heading in ("overshoot", "ratio", "excess", "false rej.", "memory", "req/s"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("cause", no_wrap=True)
    for line in map(line_of, judged):
        table.add_row(
            line.limiter,
            line.written_by,
            f"{line.overshoot_told} / {count(line.possible)}",
            line.ratio_told,
            count(line.excess),
            count(line.false_rejections),
            line.memory,
            count(line.rate),
            styled(line.verdict),
            line.cause or "-",
        )
    return table


def checks_table(judgement: Judgement, *, verbose: bool = True) -> Table:
    """One row a check; only those that did not pass unless `verbose`."""
    title = f"{judgement.limiter}: {judgement.verdict.value}"
    table = Table(box=None, pad_edge=False, header_style="bold", title=title, title_justify="left")
    table.add_column("check", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("cause", no_wrap=True)
    table.add_column("because", overflow="fold")
    for check in judgement.checks:
        if verbose or check.verdict in (Verdict.FAIL, Verdict.UNKNOWN):
            cause = check.cause.value if check.cause else "-"
            table.add_row(check.name, styled(check.verdict), cause, check.because)
    return table
