"""A process that lets somebody's limiter run, and another that watches it.

`explore`, `replay` and `run` let a limiter run in their own process. Most of what it may do to that
is refused (simulate/processes.py). A fault in C is not ours to catch, nor is a loop there, and the
process would end without a word, or never: it is watched by one that no limiter reaches. What the
children of `verify` leave behind ends with it, too.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

import click

from limitproof.cli.exits import Exit
from limitproof.servers.directory import sweep
from limitproof.servers.lifetime import die_with_parent
from limitproof.simulate.unstoppable import UNSTOPPABLE
from limitproof.verify.offspring import end_group, end_offspring, keep_together

BEAT = 0.5  # seconds
SILENCE = 7.0  # seconds; longer than the server is waited for
LEAVING = 5.0  # seconds for a process that is done, or that has closed all its files
ALIVE, DONE = b".", b"!"
FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def supervised(run: Callable[[], int]) -> int:
    """The exit code of `run`, called in a process of its own; `Exit.UNKNOWN` if that is lost.

    Only from a process with a single thread: it is forked. What the limiter has started, threads
    too, and the process itself when it hangs, ends with it.
    """
    reading, writing = os.pipe()
    parent, child = os.getpid(), os.fork()
    if child:
        os.close(writing)
        keep_together()  # what a child that has ended leaves behind is ours
        return _watched(child, reading)
    os.close(reading)
    return _work(run, writing, parent)


def _work(run: Callable[[], int], pipe: int, parent: int) -> NoReturn:
    os.setpgid(0, 0)  # Ctrl-C reaches it once, by way of its parent
    with suppress(OSError):
        die_with_parent(parent)
    keep_together()
    threading.Thread(target=_beat, args=(pipe,), name="beat", daemon=True).start()
    code = run()
    sys.stdout.flush()
    sys.stderr.flush()
    end_offspring()
    with suppress(OSError):
        os.write(pipe, DONE + bytes([code]))
    os._exit(code)  # whatever threads the limiter has left


def _beat(pipe: int) -> None:
    """While Python code of this process can run at all, it says so."""
    never = threading.Event()
    with suppress(OSError):
        while not never.wait(BEAT):  # time.sleep is the limiter's, in a simulation
            os.write(pipe, ALIVE)


def _watched(child: int, pipe: int) -> int:
    with _forwarding(child) as received:
        told, silent = _listen(pipe)
        code = None if silent else _left(child)
        if code is None:
            end_group(child)
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        end_offspring()
        sweep()  # the directories of servers whose processes could not remove them
    if told is not None:
        return told  # and not how it ended: a thread of the limiter's may have kept it
    if code == UNSTOPPABLE:
        return Exit.UNKNOWN  # it has said why
    if received and -code in received:
        signal.signal(received[-1], signal.SIG_DFL)
        os.kill(os.getpid(), received[-1])
    how = f" ({signal.Signals(-code).name})" if code < 0 and not silent else ""
    why = (
        f"the limiter hangs: its process gave no sign of life for {SILENCE:g} s, and was ended"
        if silent
        else f"the limiter ended its process{how}; `limitproof verify` says more"
    )
    click.echo(f"limitproof: {why}", err=True)
    return Exit.UNKNOWN


def _listen(pipe: int) -> tuple[int | None, bool]:
    """Until it is done, gone or silent: its exit code if it is done, whether it fell silent."""
    heard = time.monotonic()
    while True:
        ready, _, _ = select.select([pipe], [], [], BEAT)
        said = os.read(pipe, 4096) if ready else ALIVE
        _, done, code = said.partition(DONE)
        if done or not said:
            return (code[0] if code else None), False
        if ready:
            heard = time.monotonic()
        elif time.monotonic() - heard > SILENCE:
            return None, True


def _left(child: int) -> int | None:
    """The exit code of a child that is about to end; None when it does not."""
    until = time.monotonic() + LEAVING
    while time.monotonic() < until:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    return None


@contextmanager
def _forwarding(child: int) -> Iterator[list[int]]:
    """Hands on what this process is sent; the signals that came."""
    received: list[int] = []

    def hand_on(number: int, _frame: object) -> None:
        received.append(number)
        with suppress(ProcessLookupError):
            os.kill(child, number)

    before = {one: signal.signal(one, hand_on) for one in FORWARDED}
    try:
        yield received
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
