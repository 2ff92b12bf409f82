"""Gives every mutant to a judge, a few at a time, each for a bounded time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Literal

from limiters.registry import entry
from tests.mutants.ended import GRACE_SECONDS, Ended
from tests.mutants.mutant import Mutant

Fate = Literal["killed", "survived", "equivalent", "stillborn", "undecided"]
ROOT = Path(__file__).parents[2]
PROBE_SECONDS = 30.0
Judge = Callable[[str, float, Event], Ended]
"""Judges a TARGET for at most so many seconds, or until the event is set."""


@dataclass(frozen=True, slots=True)
class Found:
    """What became of a mutant.

    why: the checks that killed it, the reason why it is equivalent, or what is not known. seconds:
    how long the judge took. explained: whether there is a reason why nothing should kill it.
    """

    mutant: Mutant
    fate: Fate
    why: str
    seconds: float = 0.0
    explained: bool = False


def hunt(
    mutants: Sequence[Mutant],
    judge: Judge,
    folder: Path,
    *,
    equivalent: dict[str, str],
    processes: int = 2,
    seconds: float = 60.0,
) -> Generator[Found, None, None]:
    """Judge mutants as they come to be ready. Written into `folder`, `processes` at a time.

    judge: ends with 1 and prints the checks as `limitproof verify --json -` does. A mutant is
    killed by a check that its original passes.
    Stopping the iteration ends the processes that still run.
    """
    stop = Event()
    with ThreadPoolExecutor(processes) as threads:
        try:  # from the first on: Ctrl-C may come before the last one is handed over
            waiting = [
                threads.submit(
                    _judged, mutant, mutant.write(folder, f"mutant_{number}"), judge, equivalent,
                    seconds, stop,
                )
                for number, mutant in enumerate(mutants)
            ]  # fmt: skip
            for one in as_completed(waiting):
                yield one.result()
        finally:
            stop.set()
            threads.shutdown(cancel_futures=True)


def _judged(
    mutant: Mutant,
    target: str,
    judge: Judge,
    equivalent: dict[str, str],
    seconds: float,
    stop: Event,
) -> Found:
    begun = time.monotonic()
    ended = judge(target, seconds, stop)
    spent = time.monotonic() - begun
    killers = killed_by(ended.out, mutant.limiter)
    if ended.code is None:
        return Found(mutant, "undecided", f"the judge did not end within {seconds:g} s", spent)
    if ended.code != 0 and killers in ([], ["contract"], None) and _is_dead(target, stop):
        return Found(mutant, "stillborn", "raises in every call", spent)
    if ended.code == 1 and killers:
        explained = mutant.id in equivalent
        return Found(mutant, "killed", ", ".join(killers), spent, explained=explained)
    if ended.code in (0, 1) and killers is not None:
        if mutant.id in equivalent:
            return Found(mutant, "equivalent", equivalent[mutant.id], spent)
        return Found(mutant, "survived", "", spent)
    said = ended.out.strip().splitlines()[-1:] or ["nothing"]
    return Found(mutant, "undecided", f"the judge ended with {ended.code}: {said[0]}", spent)


def _is_dead(target: str, stop: Event) -> bool:
    """Whether a mutant raises in every call, as whoever runs it once would see."""
    probe = [sys.executable, "-m", "tests.mutants.probe", target]
    return run(probe, PROBE_SECONDS, stop).code == 1


def killed_by(out: str, limiter: str) -> list[str] | None:
    """The checks that failed and that the original passes; None when `out` is no verdict."""
    try:
        checks = json.loads(out)["checks"]
        failed = [check["name"] for check in checks if check["verdict"] == "fail"]
    except (ValueError, LookupError, TypeError):
        return None
    known: set[str] = set(entry(limiter).fails)
    return [name for name in failed if name not in known]


def by_command(command: Callable[[str], list[str]]) -> Judge:
    """The judge that is the command line for a TARGET."""
    return lambda target, seconds, stop: run(command(target), seconds, stop)


def run(command: Sequence[str], seconds: float, stop: Event) -> Ended:
    """Run a command in a session of its own; end it, and what it started, when time is up."""
    started = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
        cwd=ROOT,
    )
    until = time.monotonic() + seconds
    with started:
        while True:
            try:
                out, _ = started.communicate(timeout=0.2)
            except subprocess.TimeoutExpired:
                if time.monotonic() < until and not stop.is_set():
                    continue
                _end(started)
                return Ended(None, "")
            return Ended(started.returncode, out)


def _end(started: subprocess.Popen[str]) -> None:
    """Its whole session, politely first: a judge ends its servers then."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(started.pid, number)
        with suppress(subprocess.TimeoutExpired):
            started.communicate(timeout=GRACE_SECONDS)
            return
