"""A process that a limiter runs in, and all that it starts: nothing of it is left behind.

A limiter may run another program, which may lead a session of its own. On Linux one whose parent
has gone is adopted by the process that was kept together, and what that still has is found by
/proc/PID/stat (proc(5)). Elsewhere only the process group is ended.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from time import monotonic

_PR_SET_CHILD_SUBREAPER = 36  # prctl(2)
DYING = 2.0  # seconds, for what was killed to be gone


def keep_together() -> None:
    """Let nothing that this process starts from now on outlive it, as far as the system can.

    A child that is forked ends at once, before it does anything: it would answer in our name, read
    what the server says to us, and end that server when it is done.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    os.register_at_fork(after_in_child=partial(os._exit, 0))


def end_offspring() -> None:
    """Kill all that this process, kept together, and its children have started, and see it gone.

    For a process that has no children that it still wants to hear of.
    """
    until = monotonic() + DYING
    while (pids := _descendants(os.getpid())) and monotonic() < until:
        _kill(pids)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def end_group(leader: int) -> None:
    """Kill (SIGKILL) the group that a process leads, and all that it and its children started.

    leader: its process id; nobody has waited for it yet, or the id may be another's.
    """
    others = _descendants(leader)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
    _kill(others)


def outlives(pid: int, seconds: float) -> bool:
    """Whether a process, perhaps a child that nobody has waited for, still runs after `seconds`."""
    until = monotonic() + seconds
    while _runs(pid):
        if monotonic() > until:
            return True
        threading.Event().wait(0.01)
    return False


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        stat = Path("/proc", str(pid), "stat")
        state = stat.read_text(errors="replace").rpartition(")")[2].split()
    except ProcessLookupError:
        return False
    except OSError:  # another system, which has no such file
        return sys.platform != "linux"
    return state[:1] not in (["Z"], ["X"])


def _kill(pids: Iterable[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def _descendants(pid: int) -> list[int]:
    children: dict[int, list[int]] = defaultdict(list)
    for one in _processes():
        with suppress(OSError, ValueError, IndexError):  # it may be gone by now
            stat = Path("/proc", str(one), "stat").read_text(errors="replace")
            # PID (NAME) STATE PARENT …, and the name may hold anything, brackets too
            parent = stat.rpartition(")")[2].split()[1]
            children[int(parent)].append(one)
    found: list[int] = []
    waiting = [pid]
    while waiting:
        own = children[waiting.pop()]
        found += own
        waiting += own
    return found


def _processes() -> list[int]:
    """By name only: a pattern such as /proc/*/stat looks at each, and one may end meanwhile."""
    with suppress(OSError):
        return [int(one.name) for one in Path("/proc").iterdir() if one.name.isdecimal()]
    return []  # another system
