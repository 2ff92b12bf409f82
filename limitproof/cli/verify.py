"""`limitproof verify`: every deterministic check of one limiter, without waiting."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from threading import Event
from time import perf_counter
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from limiters.contract import Quota
from limiters.registry import KNOWN
from limitproof.check.judgement_json import judgement_to_json
from limitproof.check.verdict import Judgement, Verdict
from limitproof.cli.exits import exit_of
from limitproof.cli.explore import virtual_program
from limitproof.cli.interrupt import interruptible
from limitproof.cli.options import (
    Seconds,
    Whole,
    checked_promise,
    listed,
    output_options,
    promise_option,
    results_option,
    virtual_option,
    window_option,
)
from limitproof.report.console import console_for, styled
from limitproof.report.html import NAME as REPORT
from limitproof.report.json_file import write
from limitproof.report.verified import Example, Verified, show, write_page
from limitproof.results import VERDICT, new_folder, write_json
from limitproof.settings import read_settings
from limitproof.verify.laboratory import Examined, unknown
from limitproof.verify.verify import BriefError, Judged, Progress, Server, resolved, verify
from limitproof.verify.worker import Brief

MOST_LIMIT = 1000  # stories fill a window request by request
STOPPED = "stopped by Ctrl-C"
IN_THE_PROCESS = "in the process"  # see simulate.refusal.LocalStateError


@click.command("verify")
@click.argument("target", required=False)
@click.option("--all", "every", is_flag=True, help="Every limiter that has a name, in parallel.")
@click.option(
    "--checks",
    multiple=True,
    metavar="CHECK",
    help="Only these; several with commas, or given several times.",
)
@click.option("--skip", multiple=True, metavar="CHECK", help="All but these.")
@click.option("--limit", type=Whole(1, MOST_LIMIT), default=4, show_default=True)
@window_option
@promise_option
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
    default=14.0,
    show_default=True,
    help="Seconds for one limiter; a check that has begun is given 4 more to end.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of every random choice.")
@virtual_option
@results_option
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
    checked_promise(promise, quota)
    for name, given in (("checks", checks), ("skip", skip), ("accept", accept)):
        if given and not listed(given):
            raise click.UsageError(f"--{name}: {given[0]!r} names no check")
    checks, skip, accept = map(listed, (checks, skip, accept))
    accepted = {*accept, *read_settings(Path()).accept}
    try:
        names = resolved(checks, skip)
        resolved(sorted(accepted), ())
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if not names:
        raise click.UsageError("no check is left; give fewer to --skip")
    if json_file not in (None, "-") and not Path(json_file).parent.is_dir():
        raise click.UsageError(f"--json {json_file}: there is no folder {Path(json_file).parent}")
    program = virtual_program(address)
    console = console_for(stderr=json_file == "-")
    targets = [target] if target is not None else [one.name for one in KNOWN]
    work = Work(names, budget, frozenset(accepted))
    begun = perf_counter()
    folder = cache(lambda: new_folder(results, f"verify-{_name(target) if target else 'all'}"))
    with interruptible("what was judged is kept") as stop:
        briefs = [Brief(one, quota, promise, seed, max_skew, program) for one in targets]
        if every:
            folder()  # no target can be wrong, and a folder that cannot be made is told at once
            finished = _in_parallel(briefs, work, stop, console, quiet=quiet)
        else:
            with console.status("starting") as line:
                finished = [_verified(briefs[0], work, stop, line.update, begun=folder)]
        stopped = STOPPED if stop() else ""
    facts = [("command", _command()), ("seconds for a limiter", f"{budget:g}")]
    against = [line for one in finished for line in against_known(one.judgement)] if every else []
    verdict = _verdict(finished, against) if every else finished[0].judgement.verdict
    data = _to_json(finished, verdict, against) if every else to_json(finished[0])
    trouble: OSError | None = None
    try:
        _save(folder(), finished, data, facts, stopped)
        write(json_file, data)
    except OSError as error:  # what was found is shown first
        trouble = error
    if not quiet:
        for one in finished:
            show(
                console, one, folder() if not trouble else results, verbose=verbose, alone=not every
            )
        for told in against:
            console.print(told)
        done = f"{len(finished)} limiters, " if every else ""
        done += f"{len(names)} check" + "s" * (len(names) > 1)
        console.print(f"\n{done} in {perf_counter() - begun:.1f} s")
        if not trouble:
            console.print(Text(f"report: {folder() / REPORT}"), soft_wrap=True)
    if trouble is not None:
        raise trouble
    console.print("verdict:", styled(verdict))
    return exit_of(verdict)


@dataclass(frozen=True, slots=True)
class Work:
    """What is done to each limiter: these checks, in so many seconds; the accepted ones."""

    names: Sequence[str]
    seconds: float
    accepted: frozenset[str]


def to_json(found: Verified) -> dict[str, Any]:
    """The shape of `--json`; schedules: None for a check that was made of stories."""
    said = judgement_to_json(found.judgement)
    for check in said["checks"]:
        one = found.examples.get(check["name"])
        check["counterexample"] = one.file if one else None
        check.setdefault("schedules", None)
    return said


def against_known(judgement: Judgement) -> list[str]:
    """What differs from what the registry knows of a limiter, each in words.

    A limiter whose state is in its process can be asked for a few checks only.
    """
    fails = next(one.fails for one in KNOWN if one.name == judgement.limiter)
    told = []
    for check in judgement.checks:
        known = {str(name): str(cause) for name, cause in fails.items()}.get(check.name, "")
        failed = check.verdict is Verdict.FAIL
        found = str(check.cause.value) if failed and check.cause else ""
        apart = check.verdict is Verdict.UNKNOWN and IN_THE_PROCESS in check.because
        if found == known or (known and apart):
            continue
        saw = f"fails ({found})" if failed else f"is {check.verdict.value}"
        knew = f"known to fail ({known})" if known else "not known to fail"
        told.append(f"{judgement.limiter}: {check.name} {saw}, {knew}")
    return told


def _verdict(finished: Sequence[Verified], against: Sequence[str]) -> Verdict:
    """Of all registered limiters, wrong on purpose: a pass when each does what is known of it."""
    known = {one.name: set(map(str, one.fails)) for one in KNOWN}
    failed = [
        (one.judgement.limiter, check.name)
        for one in finished
        for check in one.judgement.checks
        if check.verdict is Verdict.FAIL
    ]
    if any(check not in known[limiter] for limiter, check in failed):
        return Verdict.FAIL
    return Verdict.UNKNOWN if against else Verdict.PASS


def _to_json(
    finished: Sequence[Verified], verdict: Verdict, against: Sequence[str]
) -> dict[str, Any]:
    limiters = [to_json(one) for one in finished]
    return {"schema": 1, "verdict": verdict.value, "against_known": against, "limiters": limiters}


def _save(
    folder: Path,
    finished: Sequence[Verified],
    data: Mapping[str, Any],
    facts: Sequence[tuple[str, str]],
    stopped: str,
) -> None:
    """The stories, the verdict and the page, the small ones first. Raises OSError."""
    for one in (example for found in finished for example in found.failures):
        (folder / one.file).parent.mkdir(exist_ok=True)
        write_json(folder / one.file, one.story.to_json())
    write_json(folder / VERDICT, data)
    write_page(folder, finished, facts, stopped)


def _verified(
    brief: Brief,
    work: Work,
    stop: Callable[[], bool],
    tell: Callable[[str], object],
    *,
    processes: int = 2,
    begun: Callable[[], object] = lambda: None,
) -> Verified:
    """Every check of one limiter. Raises click.UsageError or ServerError when there is none.

    begun: is called when the limiter is known to be one.
    """
    known: dict[str, Examined] = {}
    server: dict[str, str] = {}
    names = work.names
    try:
        for event in verify(brief, names, work.seconds, processes=processes, stop=stop):
            match event:
                case Progress(name):
                    tell(f"{len(known)} of {len(names)} checks; {name}")
                case Judged(name, one):
                    known[name] = one
                case Server(meta):
                    server = meta
                    begun()
    except BriefError as error:
        raise click.UsageError(str(error)) from error
    why = STOPPED if stop() else "it was not come to"
    examined = [
        _accepted(known.get(name, unknown(name, why)), name in work.accepted) for name in names
    ]
    judgement = Judgement(
        limiter=_name(brief.target),
        quota={"limit": brief.quota.limit, "window": brief.quota.window},
        seed=brief.seed,
        server=server,
        checks=tuple(one.result for one in examined),
    )
    examples = {
        one.result.name: Example(one.result, one.story, one.tale)
        for one in examined
        if one.story is not None and one.tale is not None
    }
    return Verified(judgement, examples)


def _name(target: str) -> str:
    return Path(target).name if "/" in target else target


def _command() -> str:
    return shlex.join(["limitproof", *sys.argv[1:]])


def _accepted(one: Examined, known: bool) -> Examined:
    failed = one.result.verdict is Verdict.FAIL
    return replace(one, result=replace(one.result, accepted=True)) if known and failed else one


def _in_parallel(
    briefs: Sequence[Brief],
    work: Work,
    stop: Callable[[], bool],
    console: Console,
    *,
    quiet: bool,
) -> list[Verified]:
    """Several limiters, as many at a time as there are cores, each in a process of its own."""
    failed = Event()

    def one(brief: Brief) -> Verified:
        def over() -> bool:
            return stop() or failed.is_set()

        try:
            found = _verified(brief, work, over, lambda _: None, processes=1)
        except BaseException:
            failed.set()  # without a server, say, the others need not go on
            raise
        if not quiet and not over():
            console.print(f"  {brief.target}: {found.judgement.verdict.value}")
        return found

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return list(pool.map(one, briefs))
