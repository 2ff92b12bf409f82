"""`limitproof explore`: every interleaving of a few clients."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource
from rich.console import Console

from limiters.contract import Quota
from limiters.registry import Target
from limitproof.check.interleavings import judgement_of
from limitproof.check.judgement_json import judgement_to_json
from limitproof.cli.exits import Exit, exit_of
from limitproof.cli.interrupt import interruptible
from limitproof.cli.options import (
    Milliseconds,
    Seconds,
    TargetType,
    Whole,
    checked_promise,
    output_options,
    promise_option,
    results_option,
    virtual_option,
    window_option,
)
from limitproof.explored import save_explored
from limitproof.exploring import STOPPED, as_data, stopping
from limitproof.report.console import console_for, styled
from limitproof.report.exploration import show, write_page
from limitproof.report.json_file import write
from limitproof.results import VERDICT, new_folder, write_json
from limitproof.servers.address import Remote
from limitproof.servers.find import Program, choose
from limitproof.simulate.cast import Cast
from limitproof.simulate.explore import explore as search
from limitproof.simulate.search.coverage import Progress, StoppedError

MOST_CLIENTS = 32
MOST_REQUESTS = 200  # of all clients: a schedule of them takes about a tenth of a second
MANY = 10**9  # beyond it, a count on the progress line is rounded


@click.command()
@click.argument("target", type=TargetType())
@click.option("--clients", type=Whole(1, MOST_CLIENTS), default=4, show_default=True)
@click.option("--limit", type=Whole(1), default=1, show_default=True, help="Requests a window.")
@window_option
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
@click.option(
    "--moves",
    type=Whole(0, 8),
    default=1,
    show_default=True,
    help="Of the clock within one run, at most. Without this option only where nothing is wrong "
    "at one instant.",
)
@click.option(
    "--apart",
    type=Milliseconds(least=0),
    default="0",
    show_default=True,
    metavar="MS",
    help="Every request begins so many milliseconds, or more, after the one before it.",
)
@click.option(
    "--offset",
    "offsets",
    type=Milliseconds(),
    multiple=True,
    metavar="MS",
    help="How far a client's clock is ahead, in milliseconds; once for the first client, again "
    "for the second, and so on.  [default: 0]",
)
@promise_option
@click.option("--budget", type=Seconds(), default=30.0, show_default=True, help="Seconds.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of all random choices.")
@virtual_option
@results_option
@output_options
def explore(
    target: Target,
    clients: int,
    limit: int,
    window: float,
    requests: int,
    granularity: Any,
    moves: int,
    apart: int,
    offsets: tuple[int, ...],
    promise: str | None,
    budget: float,
    seed: int,
    address: str | None,
    results: Path,
    json_file: str | None,
    quiet: bool,
    verbose: bool,
) -> int:
    """Every interleaving of a few clients of one limiter, on a real Redis whose clock is virtual.

    Finds the schedule with the fewest context switches that overshoots, refuses somebody in vain,
    or ends as no order of the requests does, or shows that there is none: first with all requests
    in one instant, then with moves of the clock. Ctrl-C keeps what was found.
    """
    if clients * requests <= limit:
        raise click.UsageError(
            f"--clients {clients} times --requests {requests} never exceeds --limit {limit}"
        )
    if clients * requests > MOST_REQUESTS:
        raise click.UsageError(
            f"--clients {clients} times --requests {requests} are more requests than the "
            f"{MOST_REQUESTS} that one schedule may have; races show with few: begin with 3 clients"
        )
    if len(offsets) > clients:
        raise click.UsageError(f"--offset is given {len(offsets)} times for {clients} clients")
    if apart and moves < clients * requests - 1:
        raise click.UsageError(
            f"--apart: {clients * requests} requests that begin apart take --moves "
            f"{clients * requests - 1}, not {moves}"
        )
    program = virtual_program(address)
    console = console_for(stderr=json_file == "-")
    ahead = (*offsets, *(0,) * (clients - len(offsets))) if any(offsets) else ()
    quota = Quota(limit, window)
    checked_promise(promise, quota)
    cast = Cast(
        target, quota, clients, requests, seed, granularity, ahead, moves, apart, promise or ""
    )
    source = click.get_current_context().get_parameter_source("moves")
    further = source is not ParameterSource.DEFAULT
    with (
        interruptible("what was found will be kept") as stop,
        progress_line(console, quiet=quiet) as tell,
    ):
        try:
            found = search(cast, budget, stopping(stop, tell), program=program, further=further)
        except StoppedError as error:
            raise KeyboardInterrupt from error  # in a search that keeps nothing
        except KeyboardInterrupt:
            if stop():
                raise
            click.echo("limitproof: not simulated: the limiter raises KeyboardInterrupt", err=True)
            return Exit.UNKNOWN
    one, stopped = as_data(found), STOPPED if stop() and not found.coverage.complete else ""
    judgement = judgement_of(one)
    said = judgement_to_json(judgement)
    folder = new_folder(results, f"explore-{target.name}")
    save_explored([one], folder)
    write_json(folder / VERDICT, said)
    page = write_page(one, folder, stopped=stopped)
    write(json_file, said)
    if not quiet:
        show(console, one, folder, verbose=verbose)
        console.print(f"report: {page}")
    if stopped:
        console.print(f"ended early: {stopped}")
    console.print("verdict:", styled(judgement.verdict))
    return exit_of(judgement.verdict)


@contextmanager
def progress_line(console: Console, *, quiet: bool) -> Iterator[Callable[[Progress], None]]:
    """A line that says how far a search is, where somebody watches."""
    if quiet or not console.is_terminal:
        yield lambda _: None
        return
    with console.status("exploring") as status:
        yield lambda progress: status.update(f"exploring: {how_far(progress)}")


def how_far(progress: Progress) -> str:
    """What a search can say of itself: schedules and how fast they are run, or states besides."""
    seconds = max(progress.seconds, 1e-9)
    if not progress.states:
        return f"{progress.schedules:,} schedules, {progress.schedules / seconds:,.0f} a second"
    said = f"{progress.states:,} states, {progress.states / seconds:,.0f} a second"
    if not progress.schedules:
        return said
    known = progress.schedules
    count = f"{known:,}" if known < MANY else f"{known:.1e}"
    return f"{said}; they stand for {count} whole schedules so far"


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
