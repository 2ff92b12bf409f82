"""Right ones, and some that cannot be judged."""

from __future__ import annotations

from typing import ClassVar

import redis
import redis.asyncio

from limiters.contract import Clock, Decision, Quota
from limiters.lua_atomic import LuaAtomic
from limiters.promise import FixedWindow
from tests.verify.experiments.specimens.base import Counter, ServerLimiter


class WholeSecondsOnly(LuaAtomic):
    """Right: says plainly which windows it does not take."""

    def __init__(self, client: redis.Redis, quota: Quota, clock: Clock) -> None:
        if quota.window % 1:
            raise ValueError("a window is a whole number of seconds")
        super().__init__(client, quota, clock)


class SpinsWhenRefused(Counter):
    """Not to be simulated: asks without end, and without a sleep, when it is refused."""

    def acquire(self, key: str) -> Decision:
        while not super().acquire(key).allowed:
            pass
        return Decision(True)


class RefusesOddKeys(LuaAtomic):
    """Right: says plainly what it does not take."""

    def acquire(self, key: str, cost: int = 1) -> Decision:
        if not key or len(key) > 1000:
            raise ValueError("a key has 1 to 1,000 characters")
        return super().acquire(key, cost)


class Buckets(ServerLimiter):
    """Right: 60 counters a window, of all requests, which fill up and then stay as many."""

    parts: ClassVar[int] = 60
    script: ClassVar[str] = """
        local time = redis.call('TIME')
        local now = math.floor(time[1] * 1000 + time[2] / 1000)
        local part = ARGV[1] / ARGV[3]
        local total, gone = 0, {}
        local stored = redis.call('HGETALL', KEYS[1])
        for i = 1, #stored, 2 do
          if (tonumber(stored[i]) + 1) * part <= now - ARGV[1] then gone[#gone + 1] = stored[i]
          else total = total + stored[i + 1] end
        end
        if #gone > 0 then redis.call('HDEL', KEYS[1], unpack(gone)) end
        local add = total < tonumber(ARGV[2]) and 1 or 0
        redis.call('HINCRBY', KEYS[1], math.floor(now / part), add)
        redis.call('PEXPIRE', KEYS[1], math.ceil(ARGV[1] + part) + 1)
        return add
    """

    def acquire(self, key: str) -> Decision:
        args = (self.window, self.limit, self.parts)
        return Decision(bool(self.client.eval(self.script, 1, key, *args)))


class SetIncrAndExpire(ServerLimiter):
    """Right but for deaths: who finds that it made the key anew gives it its TTL."""

    promise: ClassVar[type[FixedWindow]] = FixedWindow

    def acquire(self, key: str) -> Decision:
        self.client.set(key, 0, nx=True, px=self.window)
        count = self.client.incr(key)
        if count == 1:
            self.client.pexpire(key, self.window)
        return Decision(count <= self.limit)
