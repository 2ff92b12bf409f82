"""All benchmarks of the suite's own speed, in order, and frontrun's beside it.

    python -m benchmarks

Each prints its rounds; one line each comes last. Exit code 1 when a target is missed or one of the
benchmarks that are processes of their own fails; 3 when the machine is too noisy to say.
The claims (benchmarks.claim_*) are measured by commands of their own.
"""

from __future__ import annotations

import subprocess
import sys

from benchmarks import ceiling, exploring, one_cpu, recording
from benchmarks.figures import exit_code

PROCESSES = ("first_violation", "frontrun", "checkers")


def main() -> int:
    """Run all and say what came of each; the exit code."""
    figures = [recording.main(), ceiling.main(), *exploring.main(), *one_cpu.main()]
    ended = {name: _run(name) for name in PROCESSES}
    print()
    for figure in figures:
        print(figure)
    for name, code in ended.items():
        print(f"{name}: " + (f"FAILED, exit {code}, see above" if code else "above"))
    return 1 if any(ended.values()) else exit_code(figures)


def _run(name: str) -> int:
    print(f"\n{name}:", flush=True)
    return subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
