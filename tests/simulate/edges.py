"""Limiters that go wrong where a window, a key or a millisecond ends; or that move the clock."""

from __future__ import annotations

import time
from typing import Any, ClassVar

import redis

from limiters.base import ClientClockLimiter
from limiters.contract import Clock, Decision, Quota
from limiters.promise import FixedWindow
from tests.simulate.specimens import Watching


class ExpiresBetween:
    """Right at one instant, and as long as no counter ends between EXISTS and INCR.

    Where one does, INCR makes a counter that never ends: it reaches the limit and stays there.
    """

    promise: ClassVar[type[FixedWindow]] = FixedWindow

    def __init__(self, client: redis.Redis, quota: Quota, _clock: Clock) -> None:
        self._client, self._quota = client, quota

    def acquire(self, key: str) -> Decision:
        window = self._quota.window_ms
        if not self._client.exists(key) and self._client.set(key, 1, px=window, nx=True):
            return Decision(True)
        count: Any = self._client.incr(key)
        return Decision(count <= self._quota.limit)


class ListOfInstants(ClientClockLimiter):
    """As walrus 0.9.2 wrote it: the length of a list, then its oldest element.

    The list may end in between, and then there is no element to read.
    """

    def acquire(self, key: str) -> Decision:
        count: Any = self.client.llen(key)
        if count >= self.limit:
            oldest: Any = self.client.lindex(key, -1)
            if self.now() - int(oldest) < self.window:
                return Decision(False)
        self.client.lpush(key, self.now())
        self.client.ltrim(key, 0, self.limit - 1)
        self.client.pexpire(key, 2 * self.window)
        return Decision(True)


class OneAMillisecond(ClientClockLimiter):
    """Atomic, and right but for two requests in one millisecond: these are one member."""

    SCRIPT = """
    redis.call('ZREMRANGEBYSCORE', KEYS[1], 0, ARGV[1] - ARGV[2])
    if redis.call('ZCARD', KEYS[1]) > tonumber(ARGV[3]) - 1 then
      if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
    end
    redis.call('ZADD', KEYS[1], ARGV[1], ARGV[1])
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
    return 1
    """

    def acquire(self, key: str) -> Decision:
        added = self.client.eval(self.SCRIPT, 1, key, self.now(), self.window, self.limit)
        return Decision(bool(added))


class CountsByTheCalendar(ClientClockLimiter):
    """Atomic, and right but where two windows of the calendar meet."""

    def acquire(self, key: str) -> Decision:
        count: Any = self.client.incr(f"{key}:{self.now() // self.window}")
        return Decision(count <= self.limit)


class SleepsAndCounts(ClientClockLimiter):
    """Waits half a window before it counts: right, and the clock moves with it."""

    def acquire(self, key: str) -> Decision:
        time.sleep(self.window / 2000)
        count: Any = self.client.incr(key)
        return Decision(count <= self.limit)


class WatchesAndSleeps(Watching):
    """Optimistic, and waits a little where it has lost: tries twice. Right at one instant."""

    TRIES, PAUSE = 2, 0.01


class WaitsForALock(ExpiresBetween):
    """Who finds the lock taken sleeps a tenth of a second; alone nobody does."""

    def acquire(self, key: str) -> Decision:
        while not self._client.set(f"{key}:lock", 1, nx=True, px=10_000):
            time.sleep(0.1)
        decision = super().acquire(key)
        self._client.delete(f"{key}:lock")
        return decision
