"""`limitproof verify`: every deterministic check of one limiter, without waiting."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from limiters.contract import Quota
from limiters.registry import KNOWN
from limitproof.check.judge import judgement_to_json
from limitproof.check.verdict import Judgement, Verdict
from limitproof.cli.exits import exit_of
from limitproof.cli.explore import virtual_program
from limitproof.cli.options import LEAST_WINDOW, MOST_WINDOW, Seconds, Whole, output_options
from limitproof.promises import parse_promise
from limitproof.report.console import console_for, styled
from limitproof.report.example import example
from limitproof.report.json_file import write
from limitproof.report.table import checks_table
from limitproof.results import VERDICT, new_folder, write_json
from limitproof.verify.laboratory import Examined, unknown
from limitproof.verify.verify import BriefError, Judged, Progress, Server, resolved, verify
from limitproof.verify.worker import Brief

MOST_LIMIT = 1000  # stories fill a window request by request


@dataclass(frozen=True, slots=True)
class Verified:
    """All that was found on one limiter, in the order of the checks."""

    judgement: Judgement
    examined: tuple[Examined, ...]


@click.command("verify")
@click.argument("target", required=False)
@click.option("--all", "every", is_flag=True, help="Every limiter that has a name, in parallel.")
@click.option(
    "--checks", multiple=True, metavar="CHECK", help="Only these; may be given several times."
)
@click.option("--skip", multiple=True, metavar="CHECK", help="All but these.")
@click.option("--limit", type=Whole(1, MOST_LIMIT), default=4, show_default=True)
@click.option(
    "--window",
    type=Seconds(LEAST_WINDOW, MOST_WINDOW),
    default=1.0,
    show_default=True,
    help="Seconds.",
)
@click.option(
    "--promise",
    metavar="PROMISE",
    help="sliding, fixed, token or token:RATE:BURST instead of what the limiter declares.",
)
@click.option(
    "--max-skew",
    type=Seconds(0.001, 3600.0),
    default=0.05,
    show_default=True,
    help="How far clients' clocks may be apart, seconds.",
)
@click.option(
    "--accept",
    multiple=True,
    metavar="CHECK",
    help="A known risk: told, and no failure. [also: accept in [tool.limitproof]]",
)
@click.option(
    "--budget",
    type=Seconds(1.0, 3600.0),
    default=18.0,
    show_default=True,
    help="Seconds for one limiter.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of every random choice.")
@click.option(
    "--redis",
    "address",
    metavar="spawn|spawn:PROGRAM",
    help="The server program. [default: the embedded one]",
)
@click.option(
    "--results",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("results"),
    show_default=True,
    help="Folder for the run.",
)
@output_options
def command(
    target: str | None,
    every: bool,
    checks: tuple[str, ...],
    skip: tuple[str, ...],
    limit: int,
    window: float,
    promise: str | None,
    max_skew: float,
    accept: tuple[str, ...],
    budget: float,
    seed: int,
    address: str | None,
    results: Path,
    json_file: str | None,
    quiet: bool,
    verbose: bool,
) -> int:
    """Every deterministic check of one limiter, in seconds and without real waiting.

    On a real Redis whose clock is set by hand: every interleaving of a few clients, stories drawn
    at random and shrunk, faults at every step, a day of simulated traffic. What fails is told with
    the shortest story that shows it, and a file that `limitproof replay` runs again.
    """
    if every == (target is not None):
        raise click.UsageError("give one TARGET, or --all")
    quota = Quota(limit, window)
    accepted = {*accept, *_accepted_in_pyproject()}
    try:
        names = resolved(checks, skip)
        resolved(sorted(accepted), ())
        if promise is not None:
            parse_promise(promise, quota)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    program = virtual_program(address)
    console = console_for(stderr=json_file == "-")
    targets = [target] if target is not None else [one.name for one in KNOWN]
    briefs = [Brief(one, quota, promise, seed, max_skew, program) for one in targets]
    if len(briefs) == 1:
        with console.status("starting") as line:
            finished = [_verified(briefs[0], names, budget, accepted, line.update)]
    else:
        finished = _in_parallel(briefs, names, budget, accepted, console, quiet=quiet)
    name = finished[0].judgement.limiter if len(finished) == 1 else "all"
    folder = new_folder(results, f"verify-{name}")
    said = [_saved(folder, one) for one in finished]
    data = said[0] if len(said) == 1 else {"schema": 1, "limiters": said}
    write_json(folder / VERDICT, data)
    write(json_file, data)
    if not quiet:
        for one in finished:
            show(console, one, folder, verbose=verbose, alone=len(finished) == 1)
    if len(finished) == 1:
        verdict = finished[0].judgement.verdict
        console.print("verdict:", styled(verdict))
        return exit_of(verdict)
    verdict = _against_known(console, finished, quiet=quiet)
    console.print("verdict:", styled(verdict))
    return exit_of(verdict)


def show(console: Console, found: Verified, folder: Path, *, verbose: bool, alone: bool) -> None:
    """For a person: the table of checks, and the story of each failure."""
    console.print(checks_table(found.judgement, verbose=verbose or alone))
    for one in found.examined if alone or verbose else ():
        if one.story is None or one.tale is None:
            continue
        console.print()
        console.print(example(one.story, one.tale, one.result.because))
        console.print(f"replay: limitproof replay {folder / (story_file(one) or '')}", style="dim")
    if not alone:
        console.print()


def to_json(found: Verified) -> dict[str, Any]:
    """The shape of `--json`."""
    said = judgement_to_json(found.judgement)
    for check, one in zip(said["checks"], found.examined, strict=True):
        check["counterexample"] = story_file(one)
    return said


def story_file(one: Examined) -> str | None:
    """Where a story is kept, within the folder of the run; None where there is none."""
    return None if one.story is None else f"schedules/{one.story.token}.json"


def _saved(folder: Path, found: Verified) -> dict[str, Any]:
    for one in found.examined:
        if one.story is not None:
            (folder / "schedules").mkdir(exist_ok=True)
            write_json(folder / f"schedules/{one.story.token}.json", one.story.to_json())
    return to_json(found)


def _verified(
    brief: Brief,
    names: Sequence[str],
    seconds: float,
    accepted: Iterable[str],
    tell: Any,
    *,
    processes: int = 2,
) -> Verified:
    """Every check of one limiter. Raises click.UsageError or ServerError when there is none."""
    known: dict[str, Examined] = {}
    server: dict[str, str] = {}
    why = "it was not come to"
    try:
        for event in verify(brief, names, seconds, processes=processes):
            match event:
                case Progress(name):
                    tell(f"{len(known)} of {len(names)} checks; {name}")
                case Judged(name, one):
                    known[name] = one
                case Server(meta):
                    server = meta
    except BriefError as error:
        raise click.UsageError(str(error)) from error
    except KeyboardInterrupt:
        why = "stopped by Ctrl-C"
    examined = tuple(
        _accepted(known.get(name, unknown(name, why)), name in accepted) for name in names
    )
    judgement = Judgement(
        limiter=Path(brief.target).name if "/" in brief.target else brief.target,
        quota={"limit": brief.quota.limit, "window": brief.quota.window},
        seed=brief.seed,
        server=server,
        checks=tuple(one.result for one in examined),
    )
    return Verified(judgement, examined)


def _accepted(one: Examined, known: bool) -> Examined:
    failed = one.result.verdict is Verdict.FAIL
    return replace(one, result=replace(one.result, accepted=True)) if known and failed else one


def _accepted_in_pyproject() -> tuple[str, ...]:
    """`accept` of [tool.limitproof] in the pyproject.toml of the current directory."""
    try:
        text = Path("pyproject.toml").read_text(encoding="utf-8")
        said = tomllib.loads(text).get("tool", {}).get("limitproof", {}).get("accept", [])
    except (OSError, ValueError):
        return ()
    if not isinstance(said, list) or not all(isinstance(one, str) for one in said):
        raise click.UsageError(f"accept in [tool.limitproof] must be a list of checks: {said!r}")
    return tuple(said)


def _in_parallel(
    briefs: Sequence[Brief],
    names: Sequence[str],
    seconds: float,
    accepted: Iterable[str],
    console: Console,
    *,
    quiet: bool,
) -> list[Verified]:
    """Several limiters, as many at a time as there are cores, each in a process of its own."""

    def one(brief: Brief) -> Verified:
        found = _verified(brief, names, seconds, accepted, lambda _: None, processes=1)
        if not quiet:
            console.print(f"  {brief.target}: {found.judgement.verdict.value}")
        return found

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return list(pool.map(one, briefs))


def _against_known(console: Console, finished: Sequence[Verified], *, quiet: bool) -> Verdict:
    """Limiters that are wrong on purpose: a pass when each fails what is known of it, no more."""
    verdict = Verdict.PASS
    for found in finished:
        entry = next(one for one in KNOWN if one.name == found.judgement.limiter)
        made = {check.name for check in found.judgement.checks}
        known = {name: cause for name, cause in entry.fails.items() if name in made}
        failed = {
            check.name: check.cause.value if check.cause else ""
            for check in found.judgement.checks
            if check.verdict is Verdict.FAIL
        }
        strange = sorted(set(failed.items()) - set(known.items()))
        missing = sorted(set(known.items()) - set(failed.items()))
        if strange:
            verdict = Verdict.FAIL
        elif missing and verdict is Verdict.PASS:
            verdict = Verdict.UNKNOWN
        if (strange or missing) and not quiet:
            for what, which in (("not known to fail", strange), ("known to fail", missing)):
                if which:
                    told_ = ", ".join(f"{name} ({cause})" for name, cause in which)
                    console.print(f"{entry.name}: {what}: {told_}")
    return verdict
