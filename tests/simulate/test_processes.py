"""What a limiter may not do to its process, and everybody else may."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import threading
from collections.abc import Callable
from typing import Any, NoReturn

import pytest

from limitproof.simulate.processes import no_processes
from limitproof.simulate.refusal import RefusedError


def refuse(error: RefusedError) -> NoReturn:
    raise error


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: os.fork(), "it forks its process (os.fork)"),
        (lambda: os._exit(0), "it ends its process (os._exit)"),
        (lambda: os.killpg(0, 9), "it sends signals to processes (os.killpg)"),
        (lambda: signal.signal(signal.SIGALRM, signal.SIG_IGN), "the alarm that watches it"),
        (lambda: signal.alarm(0), "the alarm that watches it (signal.alarm)"),
        (
            lambda: multiprocessing.get_context("spawn").Process(target=print).start(),
            "it starts a process of its own (multiprocessing)",
        ),
    ],
)
def test_a_client_is_refused_with_the_reason(call: Callable[[], Any], says: str) -> None:
    with no_processes(refuse, lambda: True), pytest.raises(RefusedError) as raised:
        call()
    assert says in str(raised.value)


def test_a_thread_that_is_refused_ends_without_a_word(capfd: pytest.CaptureFixture[str]) -> None:
    said: list[type[BaseException]] = []
    before = threading.excepthook
    threading.excepthook = lambda raised: said.append(raised.exc_type)
    try:
        with no_processes(refuse, lambda: False):
            for error in (RefusedError("it asks in a thread"), ValueError("boom")):
                thread = threading.Thread(target=raising, args=(error,))
                thread.start()
                thread.join()
    finally:
        threading.excepthook = before
    assert said == [ValueError]
    assert capfd.readouterr().err == ""


def raising(error: BaseException) -> NoReturn:
    raise error


def test_what_does_no_harm_is_done() -> None:
    before = signal.getsignal(signal.SIGUSR1)
    with no_processes(refuse, lambda: True):
        os.kill(os.getpid(), 0)
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    assert signal.signal(signal.SIGUSR1, before) is signal.SIG_IGN


def test_outside_of_clients_all_is_as_ever() -> None:
    before = os.fork, os.kill, signal.signal
    with no_processes(refuse, lambda: False), subprocess.Popen(["/bin/sleep", "60"]) as child:
        child.kill()  # by os.kill
    assert child.returncode == -signal.SIGKILL
    assert (os.fork, os.kill, signal.signal) == before
