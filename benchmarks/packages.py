"""Published rate limiters, every interleaving of a few clients: the table of docs/packages.md.

    python -m benchmarks.packages            # prints it, in about half a minute
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
from limitproof.schedules import Granularity, Run
from limitproof.simulate.explore import Exploration, explore
from limitproof.simulate.world import Cast, open_world

DOCUMENT = Path(__file__).parents[1] / "docs" / "packages.md"
BEGIN, END = "<!-- table -->", "<!-- end of table -->"
CASES = ((2, 1), (3, 1), (4, 1), (4, 2), (4, 3))
"""Clients of one request each, and the limit in a window of a second: small ones first."""
BUDGET = 60.0  # seconds for each search; they take less than one


@dataclass(frozen=True, slots=True)
class Row:
    """What exploring showed of one limiter; `asks` and `example` are for people."""

    package: str
    target: str
    asks: str
    verdict: str
    check: str
    example: str
    command: str

    def line(self) -> str:
        """As a line of a Markdown table."""
        name = self.target.rpartition(".")[2]
        found = f"**{self.verdict}**: {self.check}" if self.check else self.verdict
        cells = (self.package, f"`{name}`", self.asks, found, self.example, f"`{self.command}`")
        return "| " + " | ".join(cells) + " |"


def targets() -> dict[str, list[str]]:
    """The targets of each package, by its label."""
    found: dict[str, list[str]] = {one.label: [] for one in known_packages()}
    for module in pkgutil.iter_modules(limiters.adapters.__path__):
        name = f"limiters.adapters.{module.name}"
        for factory, value in vars(importlib.import_module(name)).items():
            if label := getattr(value, "package", None) if callable(value) else None:
                found[label].append(f"{name}:{factory}")
    return found


def row(package: str, target: str, cases: Sequence[tuple[int, int]] = CASES) -> Row:
    """Explore one limiter in these cases (clients, limit), in both granularities."""
    verdicts: list[Verdict] = []
    first: Exploration | None = None
    for (clients, limit), granularity in product(cases, get_args(Granularity)):
        cast = Cast(resolve(target), Quota(limit, 1.0), clients, granularity=granularity)
        found = explore(cast, BUDGET, lambda _: None)
        verdict = merge(map(found.verdict, (found.overshoot, found.refusal)))
        verdicts.append(verdict)
        if first is None and verdict is not Verdict.PASS:
            first = found
    clients, limit = cases[-1] if first is None else (first.cast.clients, first.cast.quota.limit)
    check, example = ("", "none") if first is None else told(first)
    return Row(
        package, target, asks(target), merge(verdicts).value, check, example,
        f"limitproof explore {target} --clients {clients} --limit {limit}",
    )  # fmt: skip


def told(found: Exploration) -> tuple[str, str]:
    """The check that failed with its cause, and its counterexample in one line."""
    finding = found.overshoot or found.refusal
    if finding is None:
        return found.doubt or "unfinished", "none found"
    cause = "algorithm" if finding.sequential else "race"
    return f"{finding.check} ({cause})", turns(finding.run)


def turns(run: Run) -> str:
    """Who sends what, one turn after the other: A LLEN · B LLEN, LPUSH · A LPUSH."""
    by_client = groupby(run.steps, key=lambda step: step.client)
    return " · ".join(
        f"{chr(ord('A') + client)} {names(step.commands for step in steps)}"
        for client, steps in by_client
    )


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
    head = ("package", "limiter", "round trips", "verdict", "smallest counterexample", "command")
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
