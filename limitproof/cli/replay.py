"""`limitproof replay`: run a saved schedule again."""

from __future__ import annotations

import json
from pathlib import Path

import click

from limiters.registry import Target, resolve
from limitproof.cli.exits import Exit
from limitproof.cli.explore import virtual_option, virtual_program
from limitproof.cli.options import output_options
from limitproof.in_time import in_time
from limitproof.report.console import console_for
from limitproof.report.example import example
from limitproof.report.interleaving import columns
from limitproof.report.json_file import write
from limitproof.schedules import Schedule
from limitproof.simulate.replay import Replayed
from limitproof.simulate.replay import replay as run_again
from limitproof.stories import Story, is_story
from limitproof.verify.replay import check_story, replay_story

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

    It is a file that `limitproof explore` or `limitproof verify` has written. FIXED is said of this
    one schedule; those commands look at all.
    """
    try:
        data = json.loads(schedule.read_text(encoding="utf-8"))
        read = (Story if is_story(data) else Schedule).from_json(data)
        if isinstance(read, Story):
            check_story(read)
    except (ValueError, RecursionError) as error:  # ScheduleError is one
        raise click.UsageError(f"{schedule}: {error}") from error
    if isinstance(read, Story):
        return _story(read, target, address, json_file, quiet=quiet, verbose=verbose)
    found = run_again(read, _resolved(target or read.target), program=virtual_program(address))
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


def _resolved(target: str) -> Target:
    with in_time():
        return resolve(target)


def _story(
    story: Story,
    target: str | None,
    address: str | None,
    json_file: str | None,
    *,
    quiet: bool,
    verbose: bool,
) -> int:
    found = replay_story(story, _resolved(target or story.target), program=virtual_program(address))
    write(
        json_file,
        {"schema": 1, "schedule": story.token, "result": found.result.value, "said": found.said,
         "parts": None},
    )  # fmt: skip
    console = console_for(stderr=json_file == "-")
    if not quiet and found.tale is not None and (verbose or found.result is not Replayed.FIXED):
        console.print(example(story, found.tale, found.said))
    console.print(f"{found.result.value}: {found.said}")
    return EXITS[found.result]
