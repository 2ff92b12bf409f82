"""`limitproof replay`: run a saved schedule again."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import click

from limiters.registry import Target, TargetError, resolve
from limitproof.cli.exits import Exit
from limitproof.cli.explore import virtual_program
from limitproof.cli.options import output_options, results_option, virtual_option
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

MOST_MOVES = 8  # that `limitproof explore` takes
KEPT = Path(".limitproof")  # where the pytest plugin keeps schedules
TOKEN = re.compile("[0-9a-f]{8}")
EXITS = {
    Replayed.FIXED: Exit.PASS,
    Replayed.STILL_FAILS: Exit.FAIL,
    Replayed.ERROR: Exit.UNKNOWN,
}


@click.command()
@click.argument("schedule")
@click.option("--target", help="Another limiter than the one that the schedule names.")
@virtual_option
@results_option
@output_options
def replay(
    schedule: str,
    target: str | None,
    address: str | None,
    results: Path,
    json_file: str | None,
    quiet: bool,
    verbose: bool,
) -> int:
    """Run a SCHEDULE again: FIXED (exit 0), STILL FAILS (1) or ERROR (3).

    It is a file that `limitproof explore`, `limitproof verify` or pytest has written, or the token
    of one that is kept in the results or in .limitproof. FIXED is said of this one schedule; those
    commands look at all.
    """
    path = _file_of(schedule, results)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        read = (Story if is_story(data) else Schedule).from_json(data)
        if isinstance(read, Story):
            check_story(read)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        why = f"{path} is no schedule: it is no JSON ({error}); give a file of results/*/schedules"
        raise click.UsageError(why) from error
    except (ValueError, RecursionError) as error:  # ScheduleError is one
        raise click.UsageError(f"{path}: {error}") from error
    if isinstance(read, Story):
        return _story(
            read,
            _resolved(target, read.target, path),
            address,
            json_file,
            quiet=quiet,
            verbose=verbose,
        )
    found = run_again(read, _resolved(target, read.target, path), program=virtual_program(address))
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
    if found.parts and found.result is Replayed.FIXED:
        console.print(
            "That holds for this schedule. As it sends other commands now, look through all: "
            f"{_search(read, target or read.target)}"
        )
    return EXITS[found.result]


def _search(schedule: Schedule, target: str) -> str:
    """The command that looks through all schedules of these requests."""
    moves = min(sum(choice < 0 for choice in schedule.choices), MOST_MOVES)
    return (
        f"limitproof explore {shlex.quote(target)} --limit {schedule.limit} "
        f"--window {schedule.window:g} --clients {schedule.clients} --requests {schedule.requests}"
        + (f" --moves {moves}" if moves else "")
        + (" --granularity command" if schedule.granularity == "command" else "")
        + "".join(f" --offset {offset / 1000:g}" for offset in schedule.offsets)
        + (f" --promise {schedule.promise}" if schedule.promise else "")
    )


def _file_of(said: str, results: Path) -> Path:
    """The file that was named, or the newest that has this token."""
    if (path := Path(said)).is_file():
        return path
    if TOKEN.fullmatch(said):
        kept = [KEPT / f"{said}.json", *results.glob(f"**/schedules/{said}.json")]
        if there := [one for one in kept if one.is_file()]:
            return max(there, key=lambda one: one.stat().st_mtime)
        raise click.UsageError(f"no schedule {said} is kept in {results} or {KEPT}; give its file")
    raise click.UsageError(f"there is no file {said!r}; give a schedule's file, or its token")


def _resolved(given: str | None, kept: str, schedule: Path) -> Target:
    with in_time():
        if given is not None:
            return resolve(given)
        try:
            return resolve(_seen_from_here(kept, schedule))
        except TargetError as error:
            raise TargetError(f"{error}; or say with --target where it is now") from error


def _seen_from_here(kept: str, schedule: Path) -> str:
    """A file is kept by its path from where the command was; the results are mostly below that.

    Where a file of that name is here, too, this one is meant: it is said which.
    """
    where, colon, factory = kept.rpartition(":")
    if not where.endswith(".py") or Path(where).is_absolute():
        return kept
    folders = [Path(), *schedule.resolve().parents]
    found = list(
        dict.fromkeys(file for one in folders if (file := (one / where).resolve()).is_file())
    )
    if len(found) > 1 or (found and not Path(where).is_file()):
        click.echo(f"the limiter is that of {found[0]}", err=True)
    return f"{found[0]}{colon}{factory}" if found else kept


def _story(
    story: Story,
    target: Target,
    address: str | None,
    json_file: str | None,
    *,
    quiet: bool,
    verbose: bool,
) -> int:
    found = replay_story(story, target, program=virtual_program(address))
    write(
        json_file,
        {"schema": 1, "schedule": story.token, "result": found.result.value, "said": found.said,
         "parts": None},
    )  # fmt: skip
    console = console_for(stderr=json_file == "-")
    if not quiet and found.tale is not None and (verbose or found.result is not Replayed.FIXED):
        console.print(example(story, found.tale, found.said.removeprefix(f"{story.shows}: ")))
    console.print(f"{found.result.value}: {found.said}")
    return EXITS[found.result]
