"""What a limiter may ask its process for, made the same in every run: time and randomness.

Everything here is changed for the length of a `with` and is as before afterwards.
"""

from __future__ import annotations

import math
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from types import FrameType
from typing import Any, NoReturn
from unittest.mock import patch

import redis.asyncio.connection
import redis.retry
import time_machine
from redis.connection import Connection, UnixDomainSocketConnection

from limitproof.simulate.refusal import RefusedError

SPIN_SECONDS = 1.5
Draw = Callable[[int], bytes]
Sleep = Callable[[float], None]
Refuse = Callable[[RefusedError], NoReturn]
"""Ends the simulation of whoever runs now; raises the error where that is no client."""


def _raise(error: RefusedError) -> NoReturn:
    raise error


@contextmanager
def sandbox(
    instant: Callable[[], float], urandom: Draw, sleep: Sleep, refuse: Refuse = _raise
) -> Iterator[Callable[[float], None]]:
    """Process-wide time and entropy for simulated clients.

    instant: seconds since the epoch on the clock of the client that runs now; time.time(),
    datetime.now() and time.monotonic() tell it. urandom: what os.urandom gives (and with it uuid4
    and secrets). sleep: what time.sleep does, also in redis-py's waits between two tries. The
    state of `random` is put back at the end. Yields what sets the time (seconds) for a client
    whose clock is another than that of the client before it.
    """
    before = random.getstate()

    def no_connection(connection: Any) -> NoReturn:
        refuse(RefusedError(f"it opens a connection of its own ({type(connection).__name__})"))

    patches = (
        patch.object(os, "urandom", urandom),
        patch.object(random, "_urandom", urandom),
        patch.object(time, "monotonic", instant),
        patch.object(time, "monotonic_ns", lambda: round(instant() * 1e6) * 1000),
        patch.object(time, "sleep", sleep),
        patch.object(redis.retry, "sleep", sleep),
        patch.object(Connection, "_connect", no_connection),
        patch.object(UnixDomainSocketConnection, "_connect", no_connection),
        patch.object(redis.asyncio.connection.Connection, "_connect", no_connection),
        patch.object(redis.asyncio.UnixDomainSocketConnection, "_connect", no_connection),
    )
    try:
        with time_machine.travel(_not_before(instant()), tick=False) as traveller:
            for one in patches:
                one.start()
            try:
                yield lambda seconds: traveller.move_to(_not_before(seconds))
            finally:
                for one in reversed(patches):
                    one.stop()
    finally:
        random.setstate(before)


def _not_before(seconds: float) -> float:
    """The whole microsecond that is meant, or the next float above it.

    time.time_ns() and datetime.now() cut off: the float nearest to 1700000001.001 is a little less,
    and they would tell the millisecond before.
    """
    if Fraction(seconds) * 1_000_000 >= round(seconds * 1_000_000):
        return seconds
    return math.nextafter(seconds, math.inf)


@contextmanager
def watchdog(
    progress: Callable[[], int], inside: Callable[[], bool], refuse: Refuse = _raise
) -> Iterator[None]:
    """End a client that computes without ever asking Redis; in the main thread only.

    progress: a number that grows as clients ask; inside: whether a client runs now. A client that
    is the same at two looks in a row has had at least `SPIN_SECONDS`, of real time.
    Elsewhere than in the main thread there are no signals (signal(2)), and nothing is watched.
    An alarm that was set before (a test's time limit) is set again at the end, for what is left of
    it; one whose time has come meanwhile then rings at once.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    seen = -1

    def look(_signal: int, _frame: FrameType | None) -> None:
        nonlocal seen
        if not inside():
            return
        if progress() == seen:
            refuse(RefusedError(f"it computes for {SPIN_SECONDS:g} s without asking Redis"))
        seen = progress()

    before = signal.signal(signal.SIGALRM, look)
    began = time.perf_counter()
    alarm, again = signal.setitimer(signal.ITIMER_REAL, SPIN_SECONDS, SPIN_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if alarm:
            left = alarm - (time.perf_counter() - began)
            signal.setitimer(signal.ITIMER_REAL, max(left, 1e-6), again)
