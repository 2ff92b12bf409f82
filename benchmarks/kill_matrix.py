"""Which check finds which limiter out, by `limitproof verify`: docs/kill-matrix.md.

    python -m benchmarks.kill_matrix            # verify all that have a name, write the table
    python -m benchmarks.kill_matrix --seconds 6

Exit code 1 when a limiter does other than the registry says of it; the table is then left as it
was. Who is unknown for want of time is asked once more, with twice the time and then four times:
what the table says must not hang on how busy the machine is.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from limiters.contract import Quota
from limiters.entry import Entry
from limiters.registry import KNOWN
from limitproof.check.verdict import CheckResult, Verdict
from limitproof.verify.units import named
from limitproof.verify.verify import Judged, verify
from limitproof.verify.worker import Brief

TABLE = Path(__file__).parents[1] / "docs" / "kill-matrix.md"
QUOTA = Quota(4, 1.0)
MORE_TIME = (1, 2, 4)
SYMBOLS = {"algorithm": "A", "race": "R", "fault": "F"}
HEAD = """# The kill matrix

Every limiter that has a name, against every check of `limitproof verify`. Made by
`python -m benchmarks.kill_matrix`; a test holds it against the registry (`limiters/entries.py`).

- **A** fails, one client after the other is enough (algorithm)
- **R** fails, it takes an interleaving (race)
- **F** fails under a fault: a death, a lost reply, clocks that are off
- `·` passes, `–` is not told by the limiter, `?` cannot be told:

"""
UNTOLD: Mapping[str, tuple[frozenset[str], str]] = {
    "in_process": (
        frozenset(named()) - {"overshoot", "remaining", "retry-after"},
        "its state is in its process, which all clients share in a simulation; what fails is "
        "shown by asking it in two processes",
    ),
    "unlimited": (
        frozenset(named())
        - {"contract", "overshoot", "weights", "remaining"}
        - {"crash", "lost-reply", "cluster", "script-flush"},
        "it never refuses, and what does the same whatever comes is no evidence",
    ),
}
"""Checks that stay unknown whatever the time, and why."""


@dataclass(frozen=True, slots=True)
class Row:
    """One limiter and what each check said."""

    entry: Entry
    results: Mapping[str, CheckResult]

    @property
    def found(self) -> dict[str, str]:
        """The checks that fail, with their causes."""
        return {
            name: str(one.cause.value)
            for name, one in self.results.items()
            if one.verdict is Verdict.FAIL and one.cause is not None
        }

    @property
    def unknown(self) -> set[str]:
        """The checks that could not be made and should have been."""
        untold = UNTOLD.get(self.entry.name, (frozenset(), ""))[0]
        return {n for n, r in self.results.items() if r.verdict is Verdict.UNKNOWN} - untold

    def strange(self, names: Sequence[str]) -> list[str]:
        """What differs from the registry, each in words."""
        known: dict[str, str] = {str(name): cause for name, cause in self.entry.fails.items()}
        told = []
        for name in names:
            wanted, got = known.get(name), self.found.get(name)
            result = self.results[name]
            if result.verdict is Verdict.UNKNOWN:
                if name not in self.unknown:
                    continue
                got = f"unknown ({result.because})"
            if wanted != got:
                got = got or result.verdict.value
                told.append(f"{self.entry.name}: {name} is {got}, known {wanted}")
        return told


def row(entry: Entry, names: Sequence[str], seconds: float, seed: int) -> Row:
    """Verify one limiter, in one process."""
    for times in MORE_TIME:
        results = {}
        brief = Brief(entry.name, QUOTA, seed=seed)
        for event in verify(brief, names, times * seconds, processes=1):
            if isinstance(event, Judged):
                results[event.name] = event.examined.result
        made = Row(entry, results)
        if not made.unknown:
            break
    return made


def table(rows: Sequence[Row], names: Sequence[str]) -> str:
    """The whole file."""
    lines = [f"| limiter | {' | '.join(names)} |", f"|---{'|:-:' * len(names)}|"]
    for one in rows:
        cells = [symbol(one.results[name]) for name in names]
        lines.append(f"| `{one.entry.name}` | {' | '.join(cells)} |")
    why = [f"  - `{name}`: {reason}\n" for name, (_, reason) in UNTOLD.items()]
    return HEAD.rstrip("\n") + "\n" + "".join(why) + "\n" + "\n".join(lines) + "\n"


def symbol(result: CheckResult) -> str:
    """One cell."""
    match result.verdict:
        case Verdict.FAIL:
            return f"**{SYMBOLS[result.cause.value]}**" if result.cause else "**?**"
        case Verdict.PASS:
            return "·"
        case Verdict.NOT_TOLD:
            return "–"
    return "?"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.kill_matrix", description=__doc__)
    parser.add_argument("--seconds", type=float, default=18.0, help="for one limiter")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=[], metavar="LIMITER")
    options = parser.parse_args(arguments)
    names = named()
    entries = [one for one in KNOWN if not options.only or one.name in options.only]

    def make(entry: Entry) -> Row:
        made = row(entry, names, options.seconds, options.seed)
        print(f"{entry.name}: {' '.join(symbol(made.results[n]) for n in names)}", flush=True)
        return made

    with ThreadPoolExecutor(options.processes) as pool:
        rows = list(pool.map(make, entries))
    strange = [line for one in rows for line in one.strange(names)]
    for line in strange:
        print(line)
    if not options.only and not strange:
        TABLE.write_text(table(rows, names), encoding="utf-8")
    print(f"{len(rows)} limiters, {len(names)} checks; {len(strange)} against the registry")
    return int(bool(strange))


if __name__ == "__main__":
    sys.exit(main())
