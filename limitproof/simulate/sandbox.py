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
from types import ModuleType
from typing import Any, NoReturn
from unittest.mock import patch

import redis.asyncio.connection
from redis.connection import Connection, UnixDomainSocketConnection

from limitproof.simulate.bindings import rebound
from limitproof.simulate.refusal import RefusedError
from limitproof.simulate.time_travel import travel

SINCE_1582 = 0x01B21DD213814000  # of UUIDs, in 100 ns before the epoch
MONOTONIC = frozenset(
    getattr(time, name)
    for name in ("CLOCK_MONOTONIC", "CLOCK_MONOTONIC_RAW", "CLOCK_BOOTTIME", "CLOCK_UPTIME_RAW")
    if hasattr(time, name)
)
Place = tuple[ModuleType, str]
Fakes = dict[Place, Callable[..., Any]]
"""By where the real ones are: a module, and a name in it."""
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
) -> Iterator[Callable[[float], None]]:
    """Process-wide time and entropy for simulated clients.

    instant: seconds since the epoch on the clock of the client that runs now: what time.time(),
    datetime.now(), time.monotonic(), time.perf_counter() and time.clock_gettime() tell. urandom:
    what os.urandom gives (and with it uuid4, uuid1 and secrets). sleep: what time.sleep does, also
    in redis-py's waits between two tries. inside: whether a client runs now; monotonic clocks and
    the process's id are real for the search around it. process: what os.getpid gives a client.

    Also names that were bound when a module was imported (see `bindings`). The state of `random` is
    put back at the end. Yields what sets the time (seconds) for a client whose clock is another
    than that of the client before it.

    A fake that something has kept does what its name stands for by then, as soon as this is over: a
    module that was imported meanwhile may have put it where nobody finds it.
    """
    before = random.getstate()
    over = False

    def while_open(place: Place, fake: Callable[..., Any]) -> Callable[..., Any]:
        def either(*asked: Any) -> Any:
            return getattr(*place)(*asked) if over else fake(*asked)

        return either

    def no_connection(connection: Any) -> NoReturn:
        refuse(RefusedError(f"it opens a connection of its own ({type(connection).__name__})"))

    given: Fakes = {
        **_clocks(instant, inside),
        (time, "sleep"): sleep,
        (os, "urandom"): urandom,
        (os, "getpid"): _process(inside, process),
    }
    fakes: Fakes = {place: while_open(place, fake) for place, fake in given.items()}
    bound = rebound({getattr(*place): fake for place, fake in fakes.items()})
    patches: tuple[AbstractContextManager[Any], ...] = (
        *(patch.object(*place, fake) for place, fake in fakes.items()),
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
            bound,
            ExitStack() as patched,
        ):
            for one in patches:
                patched.enter_context(one)
            yield lambda seconds: traveller.move_to(_not_before(seconds))
    finally:
        over = True
        random.setstate(before)


def _clocks(instant: Callable[[], float], inside: Callable[[], bool]) -> Fakes:
    """The clocks that are not set, each with one that tells a client the instant.

    Also a thread that a limiter has started; whoever else runs here is told the real time: what
    is searched through has so many seconds.
    """
    ours = threading.get_ident()

    def virtual() -> bool:
        return inside() or threading.get_ident() != ours

    def nanoseconds() -> int:
        return round(instant() * 1e6) * 1000

    def both(real: Callable[[], Any], told: Callable[[], Any]) -> Callable[[], Any]:
        return lambda: told() if virtual() else real()

    def of_one(real: Callable[[int], Any], told: Callable[[], Any]) -> Callable[[int], Any]:
        return lambda clock: told() if clock in MONOTONIC and virtual() else real(clock)

    return {
        (time, "monotonic"): both(time.monotonic, instant),
        (time, "monotonic_ns"): both(time.monotonic_ns, nanoseconds),
        (time, "perf_counter"): both(time.perf_counter, instant),
        (time, "perf_counter_ns"): both(time.perf_counter_ns, nanoseconds),
        (time, "clock_gettime"): of_one(time.clock_gettime, instant),
        (time, "clock_gettime_ns"): of_one(time.clock_gettime_ns, nanoseconds),
    }


def _process(inside: Callable[[], bool], process: Callable[[], int]) -> Callable[[], int]:
    """os.getpid, by which each client is a process of its own.

    Not for redis-py: it compares the id with that of the process that made its connections. Who
    asks is two frames up, as `sandbox` wraps this.
    """
    real = os.getpid

    def getpid() -> int:
        if not inside():
            return real()
        asking = str(sys._getframe(2).f_globals.get("__name__", ""))
        return real() if asking.startswith("redis.") else process()

    return getpid


def _uuid1(instant: float, urandom: Draw) -> bytes:
    """A UUID of version 1, of its instant and otherwise drawn (RFC 4122, 4.2 and 4.5)."""
    ticks = round(instant * 1e6) * 10 + SINCE_1582
    fields = (ticks & 0xFFFFFFFF, ticks >> 32 & 0xFFFF, ticks >> 48 & 0x0FFF)
    drawn = urandom(8)
    rest = drawn[0] & 0x3F, drawn[1], int.from_bytes(drawn[2:], "big") | 1 << 40
    return uuid.UUID(fields=(*fields, *rest), version=1).bytes


def _not_before(seconds: float) -> float:
    """The whole microsecond that is meant, or the next float above it.

    time.time_ns() and datetime.now() cut off: the float nearest to 1700000001.001 is a little less,
    and they would tell the millisecond before.
    """
    if Fraction(seconds) * 1_000_000 >= round(seconds * 1_000_000):
        return seconds
    return math.nextafter(seconds, math.inf)
