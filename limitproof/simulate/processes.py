"""What a limiter may not do to its process, or out of it: it is refused at once, and told so."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.process import BaseProcess
from typing import Any, NoReturn
from unittest.mock import patch

from limitproof.simulate.refusal import RefusedError

FORKS, ENDS, SIGNALS = "forks its process", "ends its process", "sends signals to processes"
CONNECTS = "opens a connection of its own"
ALARM = "takes the alarm that watches it"
REFUSED: tuple[tuple[Any, str, str], ...] = (
    (os, "fork", FORKS),
    (os, "forkpty", FORKS),
    (os, "_exit", ENDS),
    (os, "abort", ENDS),
    (os, "kill", SIGNALS),
    (os, "killpg", SIGNALS),
    (signal, "alarm", ALARM),
    (signal, "setitimer", ALARM),
    (signal, "signal", ALARM),
    (socket.socket, "connect", CONNECTS),
    (socket.socket, "connect_ex", CONNECTS),
    (BaseProcess, "start", "starts a process of its own"),
)
"""Where a function is, its name, and what a limiter does that calls it."""


@contextmanager
def no_processes(
    refuse: Callable[[RefusedError], NoReturn],
    inside: Callable[[], bool],
    in_new_thread: Callable[[], bool] = lambda: False,
) -> Iterator[None]:
    """What is refused to a limiter for the length of the `with`.

    inside: whether one runs now; in_new_thread: whether a thread does that one has started.

    A child that it forks would send in its name, read what the server tells it, and end that
    server when it is done. Who ends the process that all clients share ends what judges it, and
    says by its own exit code that all is well. The alarm is what ends a client that hangs. What
    it asks on a connection that is not ours is no step of any schedule.
    """

    def refused(real: Callable[..., Any], why: str) -> Callable[..., Any]:
        def call(*arguments: Any, **more: Any) -> Any:
            if (inside() or in_new_thread()) and not _harmless(real, arguments):
                refuse(RefusedError(why))
            return real(*arguments, **more)

        return call

    hook = threading.excepthook

    def unhandled(raised: threading.ExceptHookArgs) -> None:
        """A thread of a limiter that was refused has said so by then, and ends without a word."""
        if not issubclass(raised.exc_type, RefusedError):
            hook(raised)

    with ExitStack() as stack:
        stack.enter_context(patch.object(threading, "excepthook", unhandled))
        for where, name, why in REFUSED:
            if hasattr(where, name):
                told = "multiprocessing" if where is BaseProcess else f"{where.__name__}.{name}"
                call = refused(getattr(where, name), f"it {why} ({told})")
                stack.enter_context(patch.object(where, name, call))
        yield


def _harmless(real: Callable[..., Any], arguments: tuple[Any, ...]) -> bool:
    """Other signals than the alarm may be handled, a process asked whether it lives, and who does
    not answer be told something (syslog, statsd)."""
    if real.__name__ in ("connect", "connect_ex"):
        return not arguments[0].type & socket.SOCK_STREAM
    if real.__name__ == "signal":
        return arguments[:1] != (signal.SIGALRM,)
    return real.__name__ in ("kill", "killpg") and arguments[1:] == (0,)
