"""Judges of mutants in processes that are forked where all is imported: that takes a second each.

Only the default judge; another one is a command line (see hunt.py).
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Event

from tests.mutants.ended import GRACE_SECONDS, Ended

GLANCE_SECONDS = 0.2


def judged_in_fork(target: str, folder: Path, seconds: float, stop: Event) -> Ended:
    """What `python -m tests.mutants.judge TARGET` does, bounded in time; ended with all it began.

    folder: where the judge's output lies meanwhile.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.mutants.judge"])
    out = folder / f"{Path(target.partition(':')[0]).stem}.out"
    process = context.Process(target=_judge, args=(target, out))
    process.start()
    until = time.monotonic() + seconds
    while process.is_alive() and (left := until - time.monotonic()) > 0 and not stop.is_set():
        process.join(min(GLANCE_SECONDS, left))
    if process.is_alive():
        _end(process)
        return Ended(None, "")
    with suppress(ProcessLookupError):  # what it left behind
        os.killpg(process.pid or 0, signal.SIGKILL)
    return Ended(process.exitcode, out.read_text(encoding="utf-8") if out.exists() else "")


def _judge(target: str, out: Path) -> None:
    """In the child: a session of its own, and words that go to a file."""
    os.setsid()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    from tests.mutants.judge import main  # preloaded

    with out.open("w", encoding="utf-8") as sys.stdout:
        code = main(target)
    sys.exit(code)


def _end(process: BaseProcess) -> None:
    """Its whole session, politely first: a judge ends its servers then."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid or 0, number)
        process.join(GRACE_SECONDS)
        if not process.is_alive():
            return
