"""The world and its server on one CPU.

They take turns: who waits for a reply does nothing else. On two CPUs each step wakes one that has
gone to sleep, and that takes longer than the step. Printed by `python -m benchmarks.one_cpu`.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager


@contextmanager
def one_cpu(process: int | None) -> Iterator[int | None]:
    """This thread and the process with that id on one CPU that no other world has.

    Gives the CPU's number; None, and nothing is changed, where all are taken, where the process is
    none of this machine, or where the system does not let us choose.
    """
    with ExitStack() as stack:
        yield None if process is None or sys.platform != "linux" else _moved(process, stack)


def _moved(process: int, stack: ExitStack) -> int | None:
    try:
        mine, its = os.sched_getaffinity(0), os.sched_getaffinity(process)
        chosen = _claimed(sorted(mine & its), stack)
        if chosen is not None:
            stack.callback(_back, process, its)
            os.sched_setaffinity(process, {chosen})
            stack.callback(_back, 0, mine)
            os.sched_setaffinity(0, {chosen})
    except OSError:
        return None
    return chosen


def _claimed(cpus: list[int], stack: ExitStack) -> int | None:
    """One of these that is nobody's. Ours as long as a socket has its name: the system forgets
    the name with the last process that holds it, however that ends."""
    start = os.getpid() % len(cpus) if cpus else 0
    for cpu in cpus[start:] + cpus[:start]:
        claim = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        try:
            claim.bind(f"\0limitproof-{os.getuid()}-cpu-{cpu}")
        except OSError:
            continue
        return cpu
    return None


def _back(process: int, cpus: set[int]) -> None:
    try:
        os.sched_setaffinity(process, cpus)
    except OSError:
        return  # the server is gone
