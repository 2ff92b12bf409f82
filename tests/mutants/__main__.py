"""`python -m tests.mutants`: is every mutant of the correct limiters killed, or explained?"""

from __future__ import annotations

import shlex
import sys
import tempfile
from collections import Counter
from pathlib import Path

import click
from rich.console import Console

from limitproof.report.console import console_for
from limitproof.report.table import wrapping_table
from tests.mutants.catalogue import equivalent, mutants
from tests.mutants.hunt import Fate, Found, hunt

JUDGE = f"{shlex.quote(sys.executable)} -m tests.mutants.judge {{target}}"
ORDER: tuple[Fate, ...] = ("survived", "undecided", "equivalent", "killed", "stillborn")


@click.command()
@click.option("--judge", default=JUDGE, show_default=True, help="Judges {target}; 1 means killed.")
@click.option("--processes", default=2, show_default=True, help="Mutants judged at a time.")
@click.option("--seconds", default=60.0, show_default=True, help="Longest for one mutant.")
@click.option("--only", default="", metavar="TEXT", help="Those whose id contains it.")
@click.option("--every", default=1, show_default=True, help="Only so manieth.")
@click.option("--list", "listing", is_flag=True, help="Show the mutants, and judge none.")
def main(judge: str, processes: int, seconds: float, only: str, every: int, listing: bool) -> None:
    """Exit code 1 when a mutant survives or is undecided and nothing explains it."""
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

        judged = hunt(
            chosen, command, Path(folder),
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
    sys.exit(any(one.fate in ("survived", "undecided") for one in found))


def tell(console: Console, one: Found, number: int, count: int) -> None:
    """One line as it comes, and the change itself of what was not killed."""
    console.print(f"{number}/{count} {one.fate:10} {one.mutant.id}  {one.why}", soft_wrap=True)
    if one.fate in ("survived", "undecided"):
        console.print(one.mutant.diff, soft_wrap=True)


def show(console: Console, found: list[Found]) -> None:
    """The table, what matters first, and the totals."""
    table = wrapping_table("fate", "line", "mutant", "why")
    for one in sorted(found, key=lambda one: (ORDER.index(one.fate), one.mutant.id)):
        table.add_row(one.fate, str(one.mutant.line), one.mutant.id, one.why)
    console.print(table)
    totals = Counter(one.fate for one in found)
    alive = len(found) - totals["stillborn"]
    console.print(f"{alive} mutants: " + ", ".join(f"{totals[f]} {f}" for f in ORDER[:-1]))
    console.print(f"{totals['stillborn']} more are stillborn: they raise in every call")
    killers = Counter(
        check for one in found if one.fate == "killed" for check in one.why.split(", ")
    )
    console.print("killed by: " + ", ".join(f"{name} {n}" for name, n in killers.most_common()))


if __name__ == "__main__":
    main()
