"""Limiters that read the time, and who they are, by names that were bound as this was imported."""

from __future__ import annotations

import os
import timeit
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from os import getpid
from time import (
    CLOCK_MONOTONIC,
    clock_gettime,
    clock_gettime_ns,
    monotonic,
    monotonic_ns,
    perf_counter,
    perf_counter_ns,
    sleep,
    time,
    time_ns,
)
from types import SimpleNamespace
from typing import Any, ClassVar, NamedTuple, NoReturn

import redis

from limiters.base import ClientClockLimiter
from limiters.contract import Clock, Decision, Quota
from tests.simulate.tricky import Counts

PATIENCE = 0.1  # seconds


class Timer:
    """Counts seconds, as cachetools has it: what it counts by is a default."""

    by: Callable[[], float] = perf_counter
    static = staticmethod(monotonic)
    nested: ClassVar[Any] = {"a": {"b": monotonic}}

    def __init__(self, timer: Callable[[], float] = perf_counter) -> None:
        self.timer = timer

    def named(self, *, timer: Callable[[], float] = perf_counter) -> float:
        return timer()


@dataclass(frozen=True, slots=True)
class Frozen:
    by: Any


class Settings(NamedTuple):
    by: Any


class Held:
    """What has a function in it; `told` gets it out."""

    def __init__(self, what: Any, told: Callable[[Any], Any] = lambda one: one) -> None:
        self.what = what
        self.told = told


class Guarded(dict[str, Any]):
    """Answers for itself, and lets nobody write."""

    def __getitem__(self, name: str) -> NoReturn:
        raise RuntimeError(name)

    def __setitem__(self, name: str, value: object) -> NoReturn:
        raise RuntimeError(name)

    def __iter__(self) -> NoReturn:
        raise RuntimeError

    items = keys = values = __iter__


def local(by: Any) -> type:
    class Local:
        by: Any = None

    Local.by = by
    return Local


def closed_over(by: Any) -> Any:
    return lambda: (by,)


def told_in_turn(by: Any) -> Iterator[Any]:
    """A generator that has a clock in its hand, and waits to be asked."""
    while True:
        yield by()


KEPT = (
    Held(monotonic, lambda one: one),
    Held(Frozen(monotonic), lambda one: one.by),
    Held(Settings(monotonic), lambda one: one.by),
    Held(partial(monotonic), lambda one: one.func),
    Held({"a": [(monotonic, 0)]}, lambda one: one["a"][0][0]),
    Held(closed_over(monotonic), lambda one: one()[0]),
    Held(lambda by=monotonic: by, lambda one: one()),
    Held(Timer(monotonic), lambda one: one.timer),
    Held(SimpleNamespace(by=monotonic), lambda one: one.by),
    Held(deque([monotonic]), lambda one: one[0]),
    Held(Guarded(by=monotonic), lambda one: dict.__getitem__(one, "by")),
    Held(local(monotonic), lambda one: one.by),
    Held(Settings((partial(monotonic),)), lambda one: one.by[0].func),
    Held((perf_counter, (monotonic,)), lambda one: one[1][0]),
    Held((perf_counter, Settings((sleep, (monotonic,)))), lambda one: one[1].by[1][0]),
)
NAMED = Settings(monotonic)
PAIR = (monotonic, sleep)
NESTED: Any = {"timers": {"monotonic": [monotonic]}}


def kept_functions() -> list[Any]:
    """What objects hold that were made as this was imported, and containers within others."""
    nested = NESTED["timers"]["monotonic"], Timer.nested["a"]["b"]
    return [*(one.told(one.what) for one in KEPT), nested[0][0], nested[1], NAMED.by]


def every_clock() -> tuple[int, ...]:
    """What each way of asking tells, in whole microseconds."""
    timer = Timer()
    seconds = (
        time(), monotonic(), perf_counter(), clock_gettime(CLOCK_MONOTONIC),
        timeit.default_timer(), timer.timer(), Timer.by(), timer.static(), timer.named(),
        *(one() for one in kept_functions()),
    )  # fmt: skip
    nanoseconds = time_ns(), monotonic_ns(), perf_counter_ns(), clock_gettime_ns(CLOCK_MONOTONIC)
    return (*(round(one * 1e6) for one in seconds), *(one // 1000 for one in nanoseconds))


class ReadsBoundClocks(ClientClockLimiter):
    """Tells the key what every clock told it."""

    def acquire(self, key: str) -> Decision:
        self.client.set(key, " ".join(map(str, every_clock())))
        return Decision(True)


class RefusesForAWhile(Counts):
    """Right: who was refused is refused for a while without Redis, and never past the window."""

    def __init__(self, client: redis.Redis, quota: Quota, clock: Clock) -> None:
        super().__init__(client, quota, clock)
        self._until: dict[str, float] = {}

    def acquire(self, key: str) -> Decision:
        if perf_counter() < self._until.get(key, 0.0):
            return Decision(False)
        count, left = self.count(key)
        if count > self.limit:
            self._until[key] = perf_counter() + min(PATIENCE, left / 1000)
        return Decision(count <= self.limit)


class SleepsByName(ClientClockLimiter):
    """Waits by a name of its own, then counts. Right at one instant."""

    def acquire(self, key: str) -> Decision:
        sleep(0.25)
        count: Any = self.client.incr(key)
        return Decision(count <= self.limit)


class Members(ClientClockLimiter):
    """Adds a member, then counts. Right where no two members are one."""

    NAMED_BY: ClassVar[Callable[[], str]]

    def acquire(self, key: str) -> Decision:
        with self.client.pipeline() as pipe:
            pipe.zremrangebyscore(key, 0, self.now() - self.window)
            pipe.zadd(key, {f"{self.now()}-{type(self).NAMED_BY()}": self.now()})
            pipe.zcard(key)
            count: Any = pipe.execute()[2]
        return Decision(count <= self.limit)


class NamedByProcess(Members):
    """One process a client, and one request a process: so are they in production."""

    NAMED_BY = staticmethod(lambda: f"process-{os.getpid()}")


class NamedByBoundProcess(Members):
    NAMED_BY = staticmethod(lambda: f"process-{getpid()}")


class NamedByNumberAlone(Members):
    """As short as a number may be that some other word is, too."""

    NAMED_BY = staticmethod(lambda: str(os.getpid() % 1000))


class NamedByTimeAndNode(Members):
    NAMED_BY = staticmethod(lambda: uuid.uuid1().hex)
