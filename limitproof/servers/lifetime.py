"""Processes that never outlive the one that started them, not even when that one is killed -9.

On Linux the kernel does it: the parent-death signal (prctl(2), PR_SET_PDEATHSIG). It is tied to
the *thread* that started the child: the child is killed when that thread ends, though its process
lives on. So a child started by the main thread gets the signal; one started by another thread,
and every child where there is no such signal (macOS), gets a guard: a small process that is its
parent, watches ours and ends the child with it.

This file is also run as a script, by `bound`: it needs nothing but the standard library. The
script, and not `preexec_fn`, is what sets the signal for servers, as Python code between fork and
exec may deadlock in a process with threads (numpy and gevent have some; Python 3.12 warns of it).
As it runs once for each server, it imports what only a guard needs when it is one.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time

TYPE_CHECKING = False  # that of `typing`, whose import alone takes as long as a start of Python
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

GRACE_SECONDS = 1.0
"""How long a guard waits between asking its child to end and making it."""

_PR_SET_PDEATHSIG = 1
_GLANCE_SECONDS = 0.02  # how often a guard looks


def die_with_parent(parent_pid: int | None = None) -> None:
    """Have this process killed (SIGKILL) when its parent dies, and at once if it already has.

    For a child that runs already, such as a load worker, and for a `preexec_fn` on Linux. Pass
    the pid that the parent knew of itself before it started the child: without it, a parent that
    died before this call goes unnoticed. On Linux see above about threads. Elsewhere a thread of
    this process looks for the parent every 20 ms; that thread does not survive an exec, so that
    there `bound` is the way to start another program.
    Raises OSError when the kernel refuses.
    """
    parent = os.getppid() if parent_pid is None else parent_pid
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
        if os.getppid() != parent:  # it died before the signal was set: nobody will send it
            os.kill(os.getpid(), signal.SIGKILL)
    else:
        import threading

        threading.Thread(target=_watch, args=(parent,), name="watch parent", daemon=True).start()


def by_kernel() -> bool:
    """Whether what this thread starts now is bound by the kernel, and needs no guard."""
    import threading

    return sys.platform == "linux" and threading.current_thread() is threading.main_thread()


def bound(command: Sequence[str], environ: Mapping[str, str] | None = None) -> list[str]:
    """The command line that runs `command` bound to the life of this process.

    environ: what the command has besides, and not what starts it: a library that is loaded before
    all others (LD_PRELOAD) would be in this Python first, and take itself for part of that.

    Call it in the thread that starts the command, and end that by SIGTERM. Where it is bound
    `by_kernel` the started process becomes the command, with the same pid; else it is a guard that
    hands SIGTERM on (and kills after 1 s), and exits when the command has ended.
    """
    way = "exec" if by_kernel() else "guard"
    given = [f"{name}={value}" for name, value in (environ or {}).items()]
    # -I and -S: no site-packages, nothing of the environment; a start within some 20 ms.
    starter = [sys.executable, "-I", "-S", __file__]
    return [*starter, way, str(os.getpid()), str(len(given)), *given, *command]


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_GLANCE_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)


def _exec(parent: int, command: Sequence[str]) -> None:
    die_with_parent(parent)
    try:
        os.execv(command[0], list(command))  # noqa: S606
    except OSError as error:
        sys.exit(f"cannot run {command[0]}: {error.strerror}")


def _guard(parent: int, command: Sequence[str]) -> int:
    import subprocess
    from functools import partial

    asked: list[float] = []  # when we were asked to end
    signal.signal(signal.SIGTERM, lambda *_: asked.append(time.monotonic()))
    # One thread only, so that preexec_fn is safe: and the command dies with its guard too.
    with_me = partial(die_with_parent, os.getpid()) if sys.platform == "linux" else None
    try:
        child = subprocess.Popen(command, preexec_fn=with_me)
    except OSError as error:
        sys.exit(f"cannot run {command[0]}: {error.strerror}")
    handed_on = False
    while child.poll() is None:
        too_late = asked and time.monotonic() - asked[0] > GRACE_SECONDS
        if os.getppid() != parent or too_late:
            child.kill()
        elif asked and not handed_on:
            child.terminate()
            handed_on = True
        time.sleep(_GLANCE_SECONDS)
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


def _main(way: str, parent: str, number: str, *words: str) -> int:
    given, command = words[: int(number)], words[int(number) :]
    os.environ.update(dict(one.split("=", 1) for one in given))
    if way == "guard":
        return _guard(int(parent), command)
    _exec(int(parent), command)
    return 0


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
