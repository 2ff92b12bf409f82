"""All benchmarks of the suite's own speed, in order: recording, ceiling, checkers.

    python -m benchmarks

Each prints its rounds; one line each comes last. Exit code 1 when a target is missed or the
checkers' benchmark, which is a process of its own, fails; 3 when the machine is too noisy to say.
The claims (benchmarks.claim_*) are measured by commands of their own.
"""

from __future__ import annotations

import subprocess
import sys

from benchmarks import ceiling, recording
from benchmarks.figures import exit_code


def main() -> int:
    """Run all and say what came of each; the exit code."""
    figures = [recording.main(), ceiling.main()]
    print("checkers:", flush=True)
    checkers = subprocess.run([sys.executable, "-m", "benchmarks.checkers"], check=False)
    print()
    for figure in figures:
        print(figure)
    print(
        "checkers: " + (f"FAILED, exit {checkers.returncode}" if checkers.returncode else "above")
    )
    return 1 if checkers.returncode else exit_code(figures)


if __name__ == "__main__":
    sys.exit(main())
