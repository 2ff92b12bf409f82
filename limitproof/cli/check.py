"""`limitproof check`: judge a saved history again."""

from __future__ import annotations

from pathlib import Path

import click

from limiters.contract import Quota
from limiters.promise import Promise
from limitproof.check.interleavings import judgement_of, with_explorations
from limitproof.check.judge import judge
from limitproof.check.judgement_json import summary
from limitproof.check.verdict import merge
from limitproof.check.yardstick import Yardstick
from limitproof.cli.exits import exit_of
from limitproof.cli.options import output_options
from limitproof.expectations import judged_against_known, verdict_of
from limitproof.explored import Explored, load_explored
from limitproof.promises import parse_promise
from limitproof.report.console import console_for
from limitproof.report.json_file import write
from limitproof.report.table import checks_table
from limitproof.report.terminal import against_known
from limitproof.results import HISTORY, RUN
from limitproof.saved import find_saved


@click.command()
@click.argument("history", type=click.Path(path_type=Path))
@click.option("--promise", help="Judge by sliding, fixed, token or token:RATE:BURST instead.")
@output_options
def check(
    history: Path, promise: str | None, json_file: str | None, quiet: bool, verbose: bool
) -> int:
    """Judge a saved HISTORY again.

    HISTORY is a history.npz, a run's folder, or the record files of a run that was killed. What
    exploring showed in that run is judged with it.
    """
    console = console_for(stderr=json_file == "-")
    judgements = []
    with console.status("reading"):
        explored = _only_explored(history)
        saved = () if explored else find_saved(history)
    judged = []
    for one in saved:
        meta = one.history.meta
        with console.status(f"judging {meta.limiter}"):
            if promise is None:
                judged.append(judged_against_known(one.history, one.folder, one.explored))
                judgements.append(judged[-1].judgement)
                continue
            chosen = _parsed(promise, Quota(meta.limit, meta.window))
            found = [other for other in one.explored if _fits(other, promise)]
            judgements.append(with_explorations(judge(one.history, chosen), found))
        if len(found) < len(one.explored) and not quiet:
            console.print(f"{meta.limiter}: explored for another promise, which is left out here")
    judgements += [judgement_of(one) for one in explored if _fits(one, promise)]
    verdict = verdict_of(judged) if judged else merge(one.verdict for one in judgements)
    if not quiet:
        for told in judgements:
            console.print(checks_table(told, verbose=verbose or len(judgements) == 1))
        if len(judged) > 1:
            console.print(against_known(judged))
    write(json_file, summary(judgements, verdict))
    console.print(f"verdict: {verdict.value}")
    return exit_of(verdict)


def _only_explored(path: Path) -> tuple[Explored, ...]:
    """What is in the folder of `limitproof explore`, which holds no history."""
    alone = path.is_dir() and not (path / HISTORY).exists() and not (path / RUN).exists()
    return load_explored(path) if alone else ()


def _parsed(promise: str | None, quota: Quota) -> Promise | None:
    try:
        return None if promise is None else parse_promise(promise, quota)
    except ValueError as error:
        raise click.UsageError(f"--promise: {error}") from error


def _fits(explored: Explored, promise: str | None) -> bool:
    """Whether what was explored can be judged by this promise: it allows as many at once."""
    chosen = _parsed(promise, Quota(explored.quota_limit, explored.window))
    return chosen is None or Yardstick.of(chosen).limit == explored.limit
