"""What a limiter may ask its process for, made the same in every run: time, randomness, its id.

Everything here is changed for the length of a `with` and is as before afterwards.
"""

from __future__ import annotations

import math
import os
import random
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from fractions import Fraction
from functools import partial
from typing import Any, NoReturn
from unittest.mock import patch

import redis.asyncio.connection
from redis.connection import Connection, UnixDomainSocketConnection

from limitproof.simulate.bindings import Known, rebound
from limitproof.simulate.fakes import Fake
from limitproof.simulate.refusal import RefusedError
from limitproof.simulate.time_travel import travel

SINCE_1582 = 0x01B21DD213814000  # of UUIDs, in 100 ns before the epoch
OTHERWISE = frozenset(
    getattr(time, name)
    for name in ("CLOCK_REALTIME", "CLOCK_PROCESS_CPUTIME_ID", "CLOCK_THREAD_CPUTIME_ID")
    if hasattr(time, name)
)
"""Clocks that time_machine sets, and those that count what was computed. All others go on."""
Draw = Callable[[int], bytes]
Sleep = Callable[[float], None]
Refuse = Callable[[RefusedError], NoReturn]
"""Ends the simulation of whoever runs now; raises the error where that is no client."""


def _raise(error: RefusedError) -> NoReturn:
    raise error


@contextmanager
def sandbox(
    instant: Callable[[], float],
    urandom: Draw,
    sleep: Sleep,
    refuse: Refuse = _raise,
    *,
    inside: Callable[[], bool] = lambda: True,
    process: Callable[[], int] = os.getpid,
    known: Known | None = None,
) -> Iterator[Callable[[float], None]]:
    """Process-wide time and entropy for simulated clients.

    instant: seconds since the epoch on the clock of the client that runs now: what time.time(),
    datetime.now(), time.monotonic(), time.perf_counter() and time.clock_gettime() tell. urandom:
    what os.urandom gives (and with it uuid4, uuid1 and secrets). sleep: what time.sleep does, also
    in redis-py's waits between two tries. inside: whether a client runs now; monotonic clocks and
    the process's id are real for the search around it. process: what os.getpid gives a client.
    known: where names are bound that have been looked for before, for the same limiter.

    Also names that were bound when a module was imported (see `bindings`). The state of `random` is
    put back at the end. Yields what sets the time (seconds) for a client whose clock is another
    than that of the client before it.

    A fake that something has kept does what its name stands for by then, as soon as this is over: a
    module that was imported meanwhile may have put it where nobody finds it.
    """
    before = random.getstate()

    def no_connection(connection: Any) -> NoReturn:
        kind = type(connection).__name__
        refuse(RefusedError(f"it opens a connection of its own ({kind}); let it use the client"))

    fakes = (
        *_clocks(instant, inside),
        Fake((time, "sleep"), sleep, _always),
        Fake((os, "urandom"), urandom, _always),
        Fake((os, "getpid"), process, partial(_asks_as_client, inside)),
    )
    patches: tuple[AbstractContextManager[Any], ...] = (
        *(patch.object(*fake.place, fake) for fake in fakes),
        patch.object(random, "_urandom", urandom),
        patch.object(uuid, "_generate_time_safe", lambda: (_uuid1(instant(), urandom), None)),
        patch.object(Connection, "_connect", no_connection),
        patch.object(UnixDomainSocketConnection, "_connect", no_connection),
        patch.object(redis.asyncio.connection.Connection, "_connect", no_connection),
        patch.object(redis.asyncio.UnixDomainSocketConnection, "_connect", no_connection),
    )
    try:
        with (
            travel(_not_before(instant()), tick=False) as traveller,
            rebound({fake.real: fake for fake in fakes}, known or Known()),
            ExitStack() as patched,
        ):
            for one in patches:
                patched.enter_context(one)
            yield lambda seconds: traveller.move_to(_not_before(seconds))
    finally:
        for fake in fakes:
            fake.end()
        random.setstate(before)


def _clocks(instant: Callable[[], float], inside: Callable[[], bool]) -> tuple[Fake, ...]:
    """The clocks that are not set, each with one that tells a client the instant.

    Also a thread that a limiter has started; whoever else runs here is told the real time: what
    is searched through has so many seconds.
    """
    ours = threading.get_ident()

    def virtual(*clock: int) -> bool:
        if clock and not OTHERWISE.isdisjoint(clock):
            return False
        return inside() or threading.get_ident() != ours

    def seconds(*_clock: int) -> float:
        return instant()

    def nanoseconds(*_clock: int) -> int:
        return round(instant() * 1e6) * 1000

    told = {"": seconds, "_ns": nanoseconds}
    return tuple(
        Fake((time, f"{name}{end}"), told[end], virtual)
        for name in ("monotonic", "perf_counter", "clock_gettime")
        for end in told
    )


def _always(*_asked: object) -> bool:
    return True


def _asks_as_client(inside: Callable[[], bool]) -> bool:
    """Of os.getpid, by which each client is a process of its own.

    Not for redis-py: it compares the id with that of the process that made its connections. Who
    asks is two frames up.
    """
    asking = str(sys._getframe(2).f_globals.get("__name__", ""))
    return inside() and not asking.startswith("redis.")


def _uuid1(instant: float, urandom: Draw) -> bytes:
    """A UUID of version 1, of its instant and otherwise drawn (RFC 4122, 4.2 and 4.5)."""
    ticks = round(instant * 1e6) * 10 + SINCE_1582
    fields = (ticks & 0xFFFFFFFF, ticks >> 32 & 0xFFFF, ticks >> 48 & 0x0FFF)
    drawn = urandom(8)
    rest = drawn[0] & 0x3F, drawn[1], int.from_bytes(drawn[2:], "big") | 1 << 40
    return uuid.UUID(fields=(*fields, *rest), version=1).bytes


def _not_before(seconds: float) -> float:
    """The instant that is meant, a whole microsecond, or a float that is told as a little more.

    time.time_ns() and datetime.now() cut off, and so do limiters: int(time.time() * 1000). The
    float nearest to 1700000001.001 is a little less; and time_machine counts in nanoseconds,
    round(seconds * 1e9), which are again a float: of 1700000000.009 some 200 too few.
    """
    meant = round(seconds * 1_000_000) * 1_000
    while round(seconds * 1e9) < meant or Fraction(seconds) * 1_000_000_000 < meant:
        seconds = math.nextafter(seconds, math.inf)
    return seconds
