"""`limitproof check`: judge a saved history again."""

from __future__ import annotations

from pathlib import Path

import click

from limiters.contract import Quota
from limitproof.check.judge import judge, summary
from limitproof.check.verdict import merge
from limitproof.cli.exits import exit_of
from limitproof.cli.options import output_options
from limitproof.promises import parse_promise
from limitproof.report.console import console_for
from limitproof.report.json_file import write
from limitproof.report.table import checks_table
from limitproof.results import find_histories


@click.command()
@click.argument("history", type=click.Path(path_type=Path))
@click.option("--promise", help="Judge by sliding, fixed, token or token:RATE:BURST instead.")
@output_options
def check(
    history: Path, promise: str | None, json_file: str | None, quiet: bool, verbose: bool
) -> int:
    """Judge a saved HISTORY again.

    HISTORY is a history.npz, a run's folder, or the record files of a run that was killed.
    """
    console = console_for(stderr=json_file == "-")
    judgements = []
    with console.status("reading"):
        histories = find_histories(history)
    for one in histories:
        try:
            chosen = promise and parse_promise(promise, Quota(one.meta.limit, one.meta.window))
        except ValueError as error:
            raise click.UsageError(f"--promise: {error}") from error
        with console.status(f"judging {one.meta.limiter}"):
            judgements.append(judge(one, chosen or None))
        if not quiet:
            console.print(checks_table(judgements[-1], verbose=verbose or len(histories) == 1))
    write(json_file, summary(judgements))
    verdict = merge(one.verdict for one in judgements)
    console.print(f"verdict: {verdict.value}")
    return exit_of(verdict)
