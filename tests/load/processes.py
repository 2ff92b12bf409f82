"""Looking after the processes of a load run, by their ids."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import psutil

PATIENCE = 60.0  # seconds; a bound for a slow machine, not what anything takes


def wait_until(condition: Callable[[], bool]) -> bool:
    """Whether it came true within the bound."""
    last_instant = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > last_instant:
            return False
        time.sleep(0.01)
    return True


def load_processes(parent: int | None = None) -> list[psutil.Process]:
    """The Locust below a process (ours, when None), first its master and then the workers."""
    with suppress(psutil.NoSuchProcess):
        return [p for p in psutil.Process(parent).children(recursive=True) if _is_locust(p)]
    return []


def workers(parent: int | None = None) -> list[psutil.Process]:
    return [
        p for p in load_processes(parent) if p.ppid() in {q.pid for q in load_processes(parent)}
    ]


def all_gone(processes: Sequence[psutil.Process]) -> bool:
    """Whether they ended within the bound; one that nobody has reaped yet has ended too."""
    return wait_until(lambda: not any(_lives(process) for process in processes))


def _is_locust(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return "--plan" in process.cmdline()
    return False


def _lives(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False
