"""Tables for the terminal: any whose cells wrap, and the checks of one limiter."""

from __future__ import annotations

from collections.abc import Mapping

from rich.table import Table
from rich.text import Text

from limitproof.check.verdict import Judgement, Verdict
from limitproof.report.console import styled
from limitproof.report.steps import visible


def wrapping_table(*headings: str) -> Table:
    """An empty table whose cells go on in the next line where they are too long."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def checks_table(
    judgement: Judgement, *, verbose: bool = True, tokens: Mapping[str, str] | None = None
) -> Table | Text:
    """One row a check; only those that did not pass unless `verbose`, and a line where none is.

    tokens: of what can be replayed, by the name of the check.
    """
    title = f"{judgement.limiter}: {judgement.verdict.value}"
    table = Table(box=None, pad_edge=False, header_style="bold", title=title, title_justify="left")
    table.add_column("check", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("cause", no_wrap=True)
    if tokens:
        table.add_column("replay", no_wrap=True)
    table.add_column("because", overflow="fold")
    for check in judgement.checks:
        if verbose or check.verdict in (Verdict.FAIL, Verdict.UNKNOWN):
            cause = check.cause.value if check.cause else "-"
            verdict = Text("accepted", "yellow") if check.accepted else styled(check.verdict)
            told = [tokens.get(check.name, "-")] if tokens else []
            table.add_row(check.name, verdict, cause, *told, visible(check.because))
    return table if table.row_count else Text(title)
