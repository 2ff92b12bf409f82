"""`limitproof report`: draw a stored run again."""

from __future__ import annotations

from pathlib import Path

import click

from limitproof.events import RunFinished
from limitproof.expectations import judged_against_known
from limitproof.explored import EXPLORED, load_explored
from limitproof.report.console import console_for
from limitproof.report.exploration import show, write_page
from limitproof.report.run_html import HtmlReport
from limitproof.report.terminal import Terminal
from limitproof.results import HISTORY
from limitproof.saved import find_saved


@click.command()
@click.argument("run", type=click.Path(path_type=Path, exists=True, file_okay=False))
def report(run: Path) -> None:
    """Draw the report of a stored RUN again (a folder of results/)."""
    console = console_for()
    if (run / EXPLORED).exists() and not (run / HISTORY).exists():
        for one in load_explored(run):
            page = write_page(one, run)
            show(console, one, run, verbose=False)
            console.print(f"report: {page}")
        return
    with console.status("judging and drawing"):
        judged = tuple(
            judged_against_known(one.history, one.folder, one.explored) for one in find_saved(run)
        )
        finished = RunFinished(run, judged)
        HtmlReport().handle(finished)
    single = len(judged) == 1
    Terminal(console, quiet=False, verbose=False, single=single).handle(finished)
