"""`limitproof replay`: run a saved schedule again."""

from __future__ import annotations

import json
from pathlib import Path

import click

from limiters.registry import resolve
from limitproof.cli.exits import Exit
from limitproof.cli.explore import virtual_option, virtual_program
from limitproof.cli.options import output_options
from limitproof.report.console import console_for
from limitproof.report.interleaving import columns
from limitproof.report.json_file import write
from limitproof.schedules import Schedule, ScheduleError
from limitproof.simulate.replay import Replayed
from limitproof.simulate.replay import replay as run_again

EXITS = {
    Replayed.FIXED: Exit.PASS,
    Replayed.STILL_FAILS: Exit.FAIL,
    Replayed.ERROR: Exit.UNKNOWN,
}


@click.command()
@click.argument("schedule", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--target", help="Another limiter than the one that the schedule names.")
@virtual_option
@output_options
def replay(
    schedule: Path,
    target: str | None,
    address: str | None,
    json_file: str | None,
    quiet: bool,
    verbose: bool,
) -> int:
    """Run a SCHEDULE again: FIXED (exit 0), STILL FAILS (1) or ERROR (3).

    FIXED is said of this one schedule; `limitproof explore` looks at all.
    """
    try:
        read = Schedule.from_json(json.loads(schedule.read_text(encoding="utf-8")))
    except (ScheduleError, ValueError) as error:
        raise click.UsageError(f"{schedule}: {error}") from error
    found = run_again(read, resolve(target or read.target), program=virtual_program(address))
    write(
        json_file,
        {"schema": 1, "schedule": read.token, "result": found.result.value, "said": found.said,
         "parts": found.parts or None},
    )  # fmt: skip
    console = console_for(stderr=json_file == "-")
    if not quiet and found.run is not None and (verbose or found.result is not Replayed.FIXED):
        console.print(columns(found.run))
    if not quiet and found.parts:
        console.print(f"the limiter sends other commands now; {found.parts}")
    console.print(f"{found.result.value}: {found.said}")
    return EXITS[found.result]
