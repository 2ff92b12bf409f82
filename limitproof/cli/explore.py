"""`limitproof explore`: every interleaving of a few clients."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import click
from rich.console import Console

from limiters.contract import Quota
from limiters.registry import Target
from limitproof.check.judge import judgement_to_json
from limitproof.check.verdict import Cause, CheckResult, Judgement
from limitproof.cli.exits import exit_of
from limitproof.cli.options import Seconds, TargetType, Whole, output_options
from limitproof.report.console import console_for, styled
from limitproof.report.interleaving import columns
from limitproof.report.json_file import write
from limitproof.results import new_folder, write_json
from limitproof.servers.address import Remote
from limitproof.servers.find import Program, choose
from limitproof.simulate.coverage import Progress
from limitproof.simulate.explore import Exploration, Finding
from limitproof.simulate.explore import explore as search
from limitproof.simulate.world import Cast

MOST_CLIENTS = 32


@click.command()
@click.argument("target", type=TargetType())
@click.option("--clients", type=Whole(1, MOST_CLIENTS), default=4, show_default=True)
@click.option("--limit", type=Whole(1), default=1, show_default=True, help="Requests a window.")
@click.option("--window", type=Seconds(), default=1.0, show_default=True, help="Seconds.")
@click.option(
    "--requests", type=Whole(1, 100), default=1, show_default=True, help="Of each client."
)
@click.option(
    "--granularity",
    type=click.Choice(["packet", "command"]),
    default="packet",
    show_default=True,
    help="What is one step: a pipeline that arrives whole, or each of its commands.",
)
@click.option("--budget", type=Seconds(), default=30.0, show_default=True, help="Seconds.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of all random choices.")
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
def explore(
    target: Target,
    clients: int,
    limit: int,
    window: float,
    requests: int,
    granularity: Any,
    budget: float,
    seed: int,
    address: str | None,
    results: Path,
    json_file: str | None,
    quiet: bool,
    verbose: bool,
) -> int:
    """Every interleaving of a few clients of one limiter, on a real Redis whose clock stands still.

    Finds the schedule with the fewest context switches that overshoots, or shows that there is
    none. All requests fall into one instant: what needs time to pass is not seen here.
    """
    if clients * requests <= limit:
        raise click.UsageError(
            f"--clients {clients} times --requests {requests} never exceeds --limit {limit}"
        )
    program = virtual_program(address)
    console = console_for(stderr=json_file == "-")
    cast = Cast(target, Quota(limit, window), clients, requests, seed, granularity)
    quiet_line = quiet or not console.is_terminal
    with (
        between_steps() as stopping,
        _Silent() if quiet_line else console.status("exploring") as status,
    ):

        def tell(progress: Progress) -> None:
            if stopping():
                raise KeyboardInterrupt
            rate = progress.steps / max(progress.seconds, 1e-9)
            states = f"{progress.states:,} states, " if progress.states else ""
            status.update(f"exploring: {states}{progress.steps:,} taken, {rate:,.0f} a second")

        found = search(cast, budget, tell, program=program)
    folder = new_folder(results, f"explore-{target.name}")
    for finding in _findings(found):
        (folder / "schedules").mkdir(exist_ok=True)
        write_json(folder / schedule_file(finding), finding.schedule.to_json())
    said = to_json(found)
    write_json(folder / "verdict.json", said)
    write(json_file, said)
    if not quiet:
        show(console, found, folder, verbose=verbose)
    verdict = judgement(found).verdict
    console.print("verdict:", styled(verdict))
    return exit_of(verdict)


@contextmanager
def between_steps() -> Iterator[Callable[[], bool]]:
    """A function that turns true on the first Ctrl-C; a second one stops at once.

    Raised inside a limiter, or where redis-py cleans up, a KeyboardInterrupt may be swallowed.
    """
    asked = False

    def ask(_signal: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, before)


class _Silent:
    """Stands for the progress line where nobody watches."""

    def __enter__(self) -> _Silent:
        return self

    def __exit__(self, *_: object) -> None: ...

    def update(self, _text: str) -> None: ...


def virtual_program(address: str | None) -> Path | None:
    """The program of an address. Raises click.UsageError for a server that runs already."""
    if address is None:
        return None
    chosen = choose(address, os.environ)
    if isinstance(chosen, Remote):
        raise click.UsageError(
            "--redis: the clock of a server that runs already cannot be set; give spawn:PROGRAM"
        )
    assert isinstance(chosen, Program)
    return chosen.path


def show(console: Console, found: Exploration, folder: Path, *, verbose: bool) -> None:
    """For a person: what was covered, and the smallest counterexample."""
    cast, coverage = found.cast, found.coverage
    console.print(
        f"{cast.target.name}: {cast.clients} clients, {cast.requests} request each, limit "
        f"{cast.quota.limit} in {cast.quota.window:g} s, granularity {cast.granularity}, "
        f"{found.server.get('name', '')} {found.server.get('version', '')}"
    )
    for finding in _findings(found) if verbose else _findings(found)[:1]:
        console.print()
        console.print(columns(finding.run))
        console.print(f"\nbecause {finding.because}")
        turns = finding.run.switches
        console.print(
            f"{finding.check}: {len(finding.run.steps)} steps, {turns} context switches, schedule "
            f"{finding.schedule.token} ({folder / schedule_file(finding)})"
        )
    console.print()
    if found.worst is not None:
        seen = "" if coverage.complete else " seen"
        console.print(f"worst overshoot{seen}: {found.worst.measure} over a limit of {found.limit}")
    for bad, what in (
        (coverage.overshooting, "overshoot"),
        (coverage.refusing, "refuse somebody while there is room"),
    ):
        if bad:
            share = 100 * bad / coverage.schedules
            console.print(f"{bad:,} of {coverage.schedules:,} schedules {what} ({_percent(share)})")
    console.print(f"covered: {coverage.sentence}, in {found.seconds:.2f} s")
    if found.doubt:
        console.print(f"not complete: {found.doubt}")


def judgement(found: Exploration) -> Judgement:
    """The checks that an exploration makes."""
    cast = found.cast
    checks = tuple(
        _check(found, name, finding, bad)
        for name, finding, bad in (
            ("overshoot", found.overshoot, found.coverage.overshooting),
            ("false-rejection", found.refusal, found.coverage.refusing),
        )
    )
    quota = {"limit": cast.quota.limit, "window": cast.quota.window}
    return Judgement(cast.target.name, quota, cast.seed, found.server, checks)


def to_json(found: Exploration) -> dict[str, Any]:
    """The shape of `--json`, with what only an exploration knows."""
    said = judgement_to_json(judgement(found))
    by_check = {finding.check: finding for finding in (found.refusal, found.overshoot) if finding}
    for check in said["checks"]:
        check["schedules"] = found.coverage.schedules
        finding = by_check.get(check["name"])
        check["counterexample"] = schedule_file(finding) if finding else None
    return said


def schedule_file(finding: Finding) -> str:
    """Where a schedule is kept, within the folder of the run."""
    return f"schedules/{finding.schedule.token}.json"


def _findings(found: Exploration) -> list[Finding]:
    """The smallest overshoot, the smallest false rejection, the worst overshoot."""
    every = (found.overshoot, found.refusal, found.worst)
    return list({f.schedule.token: f for f in every if f is not None}.values())


def _check(found: Exploration, name: str, finding: Finding | None, bad: int) -> CheckResult:
    coverage = found.coverage
    measured: dict[str, Any] = {
        "limit": found.limit, "clients": found.cast.clients, "schedules": coverage.schedules,
        "bad_schedules": bad, "states": coverage.states, "strategy": coverage.strategy,
    }  # fmt: skip
    if name == "overshoot":
        most = (one.measure for one in (found.overshoot, found.worst) if one is not None)
        measured["overshoot"] = max(most, default=0)
    if finding is not None:
        measured |= {"steps": len(finding.run.steps), "context_switches": finding.run.switches}
    because = finding.because if finding else found.doubt or f"none in {coverage.sentence}"
    cause = None
    if finding is not None:
        cause = Cause.ALGORITHM if finding.sequential else Cause.RACE
    verdict = found.verdict(finding)
    return CheckResult(name, verdict, because, cause, measured, complete=coverage.complete)


def _percent(share: float) -> str:
    """A share in percent; what is not all is never told as 100 %."""
    told = f"{share:.3g} %"
    return "over 99.9 %" if share < 100 and told == "100 %" else told
