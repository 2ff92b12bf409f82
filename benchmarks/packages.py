"""Published rate limiters, every interleaving of a few clients: the table of docs/packages.md.

    python -m benchmarks.packages            # prints it, in about a minute
    python -m benchmarks.packages --write    # and puts it into docs/packages.md

Needs the packages: make packages. Each version of a package is explored in a process of its own.
"""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby, product
from pathlib import Path
from typing import get_args

import limiters.adapters
from limiters.adapters.packages import known_packages
from limiters.contract import Quota
from limiters.registry import resolve
from limitproof.check.verdict import Verdict, merge
from limitproof.schedules import Granularity, Run, Step
from limitproof.simulate.cast import Cast
from limitproof.simulate.explore import explore
from limitproof.simulate.opening import open_world

DOCUMENT = Path(__file__).parents[1] / "docs" / "packages.md"
BEGIN, END = "<!-- table -->", "<!-- end of table -->"
CASES = ((2, 1), (3, 1), (4, 1), (4, 2), (4, 3))
"""Clients of one request each, and the limit in a window of a second: small ones first."""
TIMED = ((2, 1, 1.0), (3, 2, 1.0), (3, 1, 10.0))
"""Clients, limit and window (s) where the clock moves; requests begin at least APART µs apart."""
APART = 1_000
MOVES = 2  # of the clock, at most
BUDGET = 60.0  # seconds for each search; they take less than one


@dataclass(frozen=True, slots=True)
class Row:
    """What exploring showed of one limiter: at one instant, and when the clock moves (`timed`).

    All is for people: a verdict names the check that failed, and an example its turns.
    """

    package: str
    target: str
    asks: str
    verdict: str
    timed: str
    example: str
    command: str

    def line(self) -> str:
        """As a line of a Markdown table."""
        name = f"`{self.target.rpartition('.')[2]}`"
        found = (self.verdict, self.timed, self.example)
        return (
            "| " + " | ".join((self.package, name, self.asks, *found, f"`{self.command}`")) + " |"
        )


def targets() -> dict[str, list[str]]:
    """The targets of each package, by its label."""
    found: dict[str, list[str]] = {one.label: [] for one in known_packages()}
    for module in pkgutil.iter_modules(limiters.adapters.__path__):
        name = f"limiters.adapters.{module.name}"
        for factory, value in vars(importlib.import_module(name)).items():
            if label := getattr(value, "package", None) if callable(value) else None:
                found[label].append(f"{name}:{factory}")
    return found


def row(
    package: str,
    target: str,
    cases: Sequence[tuple[int, int]] = CASES,
    timed: Sequence[tuple[int, int, float]] = TIMED,
) -> Row:
    """Explore one limiter in these cases: at one instant in both granularities, then over time."""
    limiter = resolve(target)
    still = told(
        Cast(limiter, Quota(limit, 1.0), clients, granularity=granularity)
        for (clients, limit), granularity in product(cases, get_args(Granularity))
    )
    moving = told(
        Cast(limiter, Quota(limit, window), clients, moves=MOVES, apart=APART)
        for clients, limit, window in timed
    )
    clients, limit = cases[-1]
    clean = Cast(limiter, Quota(limit, 1.0), clients)
    command = f"limitproof explore {target} {options(still.cast or moving.cast or clean)}"
    example = still.example or moving.example or "none"
    return Row(package, target, asks(target), still.verdict, moving.verdict, example, command)


@dataclass(frozen=True, slots=True)
class Told:
    """What some explorations showed; `example` and `cast` of the first failure."""

    verdict: str
    example: str = ""
    cast: Cast | None = None


def options(cast: Cast) -> str:
    """What makes `limitproof explore` show this cast."""
    words = f"--clients {cast.clients} --limit {cast.quota.limit}"
    if cast.quota.window != 1.0:
        words += f" --window {cast.quota.window:g}"
    if cast.moves:
        words += f" --moves {cast.moves} --apart {cast.apart / 1_000:g}"
    return words


def told(casts: Iterable[Cast]) -> Told:
    """Explore them all; the first that fails is the one that is told."""
    verdicts: list[Verdict] = []
    failed: Told | None = None
    for cast in casts:
        found = explore(cast, BUDGET, lambda _: None)
        verdicts.append(merge(map(found.verdict, (found.overshoot, found.refusal))))
        finding = found.overshoot or found.refusal
        if finding is not None and failed is None:
            cause = "algorithm" if finding.sequential else "race"
            said = f"**fail**: {finding.check} ({cause})"
            failed = Told(said, turns(finding.run), cast)
    return failed or Told(merge(verdicts).value)


def turns(run: Run) -> str:
    """Who sends what, one turn after the other: A LLEN · +1 ms · B LLEN, LPUSH · A LPUSH."""

    def turn(client: int, steps: Sequence[Step]) -> str:
        if client < 0:
            return f"+{sum(step.moved for step in steps) / 1_000:g} ms"
        return f"{chr(ord('A') + client)} {names(step.commands for step in steps)}"

    by_client = groupby(run.steps, key=lambda step: step.client)
    return " · ".join(turn(client, list(steps)) for client, steps in by_client)


def asks(target: str) -> str:
    """What an admitted and then a refused request send, a word a round trip."""
    with open_world(Cast(resolve(target), Quota(1, 1.0), 2)) as world:
        run = world.run(lambda enabled: enabled[0])
    each = [[step.commands for step in run.steps if step.client == client] for client in (0, 1)]
    admitted, refused = map(names, each)
    return admitted if admitted == refused else f"{admitted}; refused: {refused}"


def names(steps: Iterable[Sequence[str]]) -> str:
    """The commands of some round trips; a transaction is told as {…}."""

    def name(commands: Sequence[str]) -> str:
        words = [command.split()[0].strip("<") for command in commands]
        inside = [word for word in words if word not in ("MULTI", "EXEC")]
        return "{" + "; ".join(inside) + "}" if "MULTI" in words else "; ".join(words)

    return ", ".join(map(name, steps))


def rows_of(package: str) -> Iterator[Row]:
    """The rows of one package, from a process of its own."""
    command = [sys.executable, "-m", "benchmarks.packages", "--only", package]
    said = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout
    for one in json.loads(said):
        yield Row(**one)


def table(rows: Iterable[Row]) -> str:
    """All rows as Markdown."""
    head = (
        "package", "limiter", "round trips", "at one instant", "when the clock moves",
        "smallest counterexample", "command",
    )  # fmt: skip
    lines = (f"| {' | '.join(head)} |", "|" + "---|" * len(head), *(one.line() for one in rows))
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Explore, print, and write if asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.packages", description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"also into {DOCUMENT.name}")
    parser.add_argument("--only", metavar="PACKAGE", help="one package, as JSON")
    asked = parser.parse_args(arguments)
    if asked.only:
        print(json.dumps([asdict(row(asked.only, one)) for one in targets()[asked.only]]))
        return
    text = table(one for package in targets() for one in rows_of(package))
    print(text)
    if asked.write:
        before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)
        after = rest.partition(END)[2]
        DOCUMENT.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
