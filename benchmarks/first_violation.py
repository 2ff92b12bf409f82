"""How soon `limitproof explore` shows each race: `python -m benchmarks.first_violation`.

For every registered limiter that a race is known of, the smallest number of clients, limit and
granularity at which it overshoots or refuses falsely by a race is looked for; then the whole
command is run again, as a user runs it: start of Python and of Redis, the complete search, the
smallest counterexample once more from an empty server, and the files of the run. Its process time
is its own and that of every process it started, Redis among them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, get_args

from limiters.entries import REGISTRY
from limiters.entry import Entry
from limitproof.schedules import Granularity

MOST_CLIENTS = 3
BUDGET = 5.0  # seconds of one search
ROUNDS = 3
MOST = 1.0  # seconds of process time
USUAL = (0, 1, 3)  # exit codes: pass, fail, unknown
COMPILED = {"PYTHONDONTWRITEBYTECODE": ""}
"""As for a user: nobody compiles the whole of it anew in each run, which takes 0.1 s to 0.2 s."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What `limitproof explore` is told."""

    clients: int
    limit: int
    granularity: Granularity

    def arguments(self) -> tuple[str, ...]:
        """For the command line."""
        return (
            "--clients", str(self.clients), "--limit", str(self.limit),
            "--granularity", self.granularity,
        )  # fmt: skip

    def __str__(self) -> str:
        return f"{self.clients} clients, limit {self.limit}, {self.granularity}"


@dataclass(frozen=True, slots=True)
class Ran:
    """One command: what it said as JSON, its process time and wall-clock in seconds."""

    said: Mapping[str, Any]
    processor: float
    wall: float


@dataclass(frozen=True, slots=True)
class Race:
    """The first race of a limiter: the smallest setting that shows it (None: no setting did), the
    check that fails, and process times and wall-clocks of showing it there, in seconds."""

    limiter: str
    setting: Setting | None = None
    check: str = ""
    processor: Sequence[float] = ()
    wall: Sequence[float] = ()

    @property
    def met(self) -> bool:
        """Whether it is shown, and in time."""
        return self.setting is not None and median(self.processor) <= MOST

    def __str__(self) -> str:
        if self.setting is None:
            return f"{self.limiter:26} not shown with up to {MOST_CLIENTS} clients"
        return (
            f"{self.limiter:26} {self.check:15} {self.setting!s:30} process time "
            f"{median(self.processor):.2f} s, wall-clock {median(self.wall):.2f} s"
        )


def racy(entries: Sequence[Entry]) -> tuple[str, ...]:
    """The names of those that fail some check by a race."""
    return tuple(entry.name for entry in entries if "race" in entry.fails.values())


def settings() -> Iterator[Setting]:
    """From the smallest on."""
    for clients in range(2, MOST_CLIENTS + 1):
        for limit in range(1, clients):
            for granularity in get_args(Granularity):
                yield Setting(clients, limit, granularity)


def shown(said: Mapping[str, Any]) -> str:
    """The check that failed by a race, "" when none did. `said`: what the command wrote."""
    failed = (
        one["name"] for one in said["checks"] if one["verdict"] == "fail" and one["cause"] == "race"
    )
    return next(failed, "")


def command(target: str, setting: Setting) -> Ran:
    """Run `limitproof explore` as a child process. Raises RuntimeError when it breaks."""
    with TemporaryDirectory(prefix="limitproof-first-") as folder:
        words = (
            sys.executable, "-m", "limitproof", "explore", target, *setting.arguments(),
            "--budget", str(BUDGET), "--results", folder, "--quiet", "--json", "-",
        )  # fmt: skip
        begun = time.perf_counter()
        child = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={**os.environ, **COMPILED}
        )
        assert child.stdout is not None
        with child.stdout as said:
            text = said.read()
        # its own, and of the processes that it waited for
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - begun
    if child.returncode not in USUAL:
        raise RuntimeError(f"{' '.join(words)}: exit code {child.returncode}")
    return Ran(json.loads(text), used.ru_utime + used.ru_stime, wall)


def first(target: str) -> Race:
    """Look for the smallest setting that shows a race, and measure there."""
    for setting in settings():
        if check := shown(command(target, setting).said):
            again = [command(target, setting) for _ in range(ROUNDS)]
            return Race(
                target,
                setting,
                check,
                [one.processor for one in again],
                [one.wall for one in again],
            )
    return Race(target)


def main() -> int:
    """Measure, print a line for each limiter, and give the exit code: 1 when one is missed."""
    print(f"first violation: the whole of `limitproof explore`, median of {ROUNDS}")
    found = []
    for limiter in racy(REGISTRY):
        found.append(first(limiter))
        print(f"  {found[-1]}", flush=True)
    late = [race.limiter for race in found if not race.met]
    print(
        f"  shown within {MOST:g} s of process time: {len(found) - len(late)} of {len(found)} racy "
        "limiters" + (f"; MISSED: {', '.join(late)}" if late else "")
    )
    return 1 if late else 0


if __name__ == "__main__":
    sys.exit(main())
