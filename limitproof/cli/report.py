"""`limitproof report`: draw a stored run again."""

from __future__ import annotations

from pathlib import Path

import click

from limitproof.check.judge import judge
from limitproof.events import LimiterJudged
from limitproof.report.console import console_for
from limitproof.report.html import write_report
from limitproof.report.table import limiters_table
from limitproof.results import find_histories


@click.command()
@click.argument("run", type=click.Path(path_type=Path, exists=True, file_okay=False))
def report(run: Path) -> None:
    """Draw the report of a stored RUN again (a folder of results/)."""
    histories = find_histories(run)
    judged = [LimiterJudged(h.meta.limiter, h.meta.written_by, h, judge(h), run) for h in histories]
    console = console_for()
    console.print(limiters_table(judged))
    console.print(f"report: {write_report(run, judged)}")
