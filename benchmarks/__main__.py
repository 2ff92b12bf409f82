"""All benchmarks of the suite's own speed, in order: recording, ceiling, checkers.

    python -m benchmarks

Each prints its rounds; a compact table of ratios comes last. Exit code 1 when a target is missed
or the checkers' benchmark, which is a process of its own, fails.
The claims (benchmarks.claim_*) are measured by commands of their own.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

from benchmarks import ceiling, recording
from benchmarks.figures import Figure


def table(figures: Sequence[Figure]) -> str:
    """The figures, a line each, with the targets."""
    wide = max(len(figure.name) for figure in figures)
    lines = []
    for figure in figures:
        value = "-" if figure.value is None else f"{figure.value:.3f}"
        target = "" if figure.target is None else f"target >= {figure.target:.2f}"
        said = figure.note or ("" if figure.target is None else "met" if figure.met else "MISSED")
        lines.append(f"{figure.name:<{wide}}  {value:>6}  {target:<14}  {said}".rstrip())
    return "\n".join(lines)


def main() -> int:
    """Run all and print the table; the exit code."""
    figures = [recording.main(), ceiling.main()]
    checkers = subprocess.run([sys.executable, "-m", "benchmarks.checkers"], check=False)
    note = "see above" if checkers.returncode == 0 else f"FAILED, exit {checkers.returncode}"
    figures.append(Figure("checkers", None, note=note))
    print("\n" + table(figures))
    return int(checkers.returncode != 0 or not all(figure.met for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
