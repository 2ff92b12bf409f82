"""`python -m tests.mutants`: is every mutant of the correct limiters killed, or explained?

A whole run without a survivor is kept as docs/mutants.md.
"""

from __future__ import annotations

import shlex
import sys
import tempfile
from collections import Counter
from pathlib import Path
from threading import Event

import click
from rich.console import Console

from limitproof.report.console import console_for
from limitproof.report.table import wrapping_table
from tests.mutants.catalogue import equivalent, gaps, mutants
from tests.mutants.document import DOCUMENT, document, killers
from tests.mutants.ended import Ended
from tests.mutants.forked import judged_in_fork
from tests.mutants.hunt import Fate, Found, by_command, hunt

JUDGE = f"{shlex.quote(sys.executable)} -m tests.mutants.judge {{target}}"  # or a fork of it
ORDER: tuple[Fate, ...] = ("survived", "undecided", "equivalent", "killed", "stillborn")


@click.command()
@click.option("--judge", default=JUDGE, show_default=True, help="Judges {target}; 1 means killed.")
@click.option("--processes", default=2, show_default=True, help="Mutants judged at a time.")
@click.option("--seconds", default=180.0, show_default=True, help="Longest for one mutant.")
@click.option("--only", default="", metavar="TEXT", help="Those whose id contains it.")
@click.option("--every", default=1, show_default=True, help="Only so manieth.")
@click.option("--list", "listing", is_flag=True, help="Show the mutants, and judge none.")
def main(judge: str, processes: int, seconds: float, only: str, every: int, listing: bool) -> None:
    """Exit code 1 when a mutant survives unexplained, is undecided, or is killed all the same."""
    console = console_for()
    chosen = [mutant for mutant in mutants() if only in mutant.id][::every]
    if listing:
        for mutant in chosen:
            console.print(mutant.id, style="bold")
            console.print(mutant.diff)
        return
    found: list[Found] = []
    stopped = False
    with tempfile.TemporaryDirectory(prefix="limitproof-mutants-") as folder:

        def command(target: str) -> list[str]:
            return [part.format(target=target, folder=folder) for part in shlex.split(judge)]

        def forked(target: str, limit: float, stop: Event) -> Ended:
            return judged_in_fork(target, Path(folder), limit, stop)

        judged = hunt(
            chosen, forked if judge == JUDGE else by_command(command), Path(folder),
            equivalent=equivalent(), processes=processes, seconds=seconds,
        )  # fmt: skip
        try:
            for one in judged:
                found.append(one)
                tell(console, one, len(found), len(chosen))
        except KeyboardInterrupt:
            stopped = True
        finally:
            judged.close()
    show(console, found)
    if stopped:
        console.print(f"stopped by Ctrl-C: {len(chosen) - len(found)} mutants were not judged")
        sys.exit(130)
    wrong = any(one.fate in ("survived", "undecided") for one in found)
    wrong |= bool(explained_and_killed(found))
    if len(found) == len(mutants()) and not wrong:
        DOCUMENT.write_text(document(found, gaps()), encoding="utf-8")
    sys.exit(wrong)


def tell(console: Console, one: Found, number: int, count: int) -> None:
    """One line as it comes, and the change itself of what was not killed."""
    console.print(f"{number}/{count} {one.fate:10} {one.mutant.id}  {one.why}", soft_wrap=True)
    if one.fate in ("survived", "undecided"):
        console.print(one.mutant.diff, soft_wrap=True)


def explained_and_killed(found: list[Found]) -> list[str]:
    """Mutants whose explanation is not true."""
    return sorted(one.mutant.id for one in found if one.fate == "killed" and one.explained)


def show(console: Console, found: list[Found]) -> None:
    """The table, what matters first, and the totals."""
    table = wrapping_table("fate", "line", "mutant", "why")
    for one in sorted(found, key=lambda one: (ORDER.index(one.fate), one.mutant.id)):
        table.add_row(one.fate, str(one.mutant.line), one.mutant.id, one.why)
    console.print(table)
    for name in explained_and_killed(found):
        console.print(f"killed, though explained: {name}", soft_wrap=True)
    totals = Counter(one.fate for one in found)
    alive = len(found) - totals["stillborn"]
    console.print(f"{totals['stillborn']} more are stillborn: they raise in every call")
    told = ", ".join(f"{name} {n}" for name, n in killers(found))
    console.print(f"killed by: {told}", soft_wrap=True)
    within = sum(one.fate == "equivalent" and one.mutant.id in gaps() for one in found)
    fates = ", ".join(f"{totals[fate]} {fate}" for fate in ORDER[:-1])
    console.print(
        f"{alive} mutants: {fates} ({within} of the equivalent are gaps of the checks)",
        soft_wrap=True,
    )


if __name__ == "__main__":
    main()
