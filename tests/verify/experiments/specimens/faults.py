"""What a death, a lost reply, a flush or a clock that is off brings to light."""

from __future__ import annotations

import time
from typing import Any, ClassVar

import redis
import redis.asyncio

from limiters.contract import Clock, Decision, Quota
from limiters.fixed_window import FixedWindow
from limiters.lua_atomic import LuaAtomic
from limiters.promise import FixedWindow as FixedWindowPromise
from tests.verify.experiments.specimens.base import Counter, ServerLimiter


class IncrThenExpire(Counter):
    """crash, expiry: dies between the two, and the key stays for ever."""

    def acquire(self, key: str) -> Decision:
        count = self.client.incr(key)
        if count == 1:
            self.client.pexpire(key, self.window)
        return Decision(count <= self.limit)


class AsyncIncrThenExpire:
    """crash, expiry, lost-reply, with `async def`."""

    promise: ClassVar[type[FixedWindowPromise]] = FixedWindowPromise

    def __init__(self, client: redis.asyncio.Redis, quota: Quota, clock: Clock) -> None:  # noqa: ARG002
        self._client: Any = client
        self._limit, self._window = quota.limit, quota.window_ms

    async def acquire(self, key: str) -> Decision:
        count = await self._client.incr(key)
        if count == 1:
            await self._client.pexpire(key, self._window)
        return Decision(count <= self._limit)


class Locked(FixedWindow):
    """crash, lost-reply: a lock without a TTL, which a dead client never gives back."""

    def acquire(self, key: str) -> Decision:
        while not self.client.set(f"{key}:lock", 1, nx=True):
            time.sleep(0.01)
        decision = super().acquire(key)
        self.client.delete(f"{key}:lock")
        return decision


class LockedFor(Locked):
    """crash: the lock ends by itself, but only after an hour."""

    def acquire(self, key: str) -> Decision:
        while not self.client.set(f"{key}:lock", 1, nx=True, ex=3600):
            time.sleep(0.01)
        decision = FixedWindow.acquire(self, key)
        self.client.delete(f"{key}:lock")
        return decision


class LockedAndOpen(LockedFor):
    """crash: the same; who is ended as he waits admits, as his last word."""

    def acquire(self, key: str) -> Decision:
        try:
            return super().acquire(key)
        except BaseException:  # noqa: BLE001 - what is wrong with it
            return Decision(allowed=True)


class CountsTwice(Counter):
    """crash: a request counts as two until its second command takes one back."""

    def acquire(self, key: str) -> Decision:
        pipe = self.client.pipeline(transaction=True)
        pipe.set(key, 0, px=self.window, nx=True)
        pipe.incrby(key, 2)
        _, count = pipe.execute()
        self.client.decr(key)
        return Decision(count <= self.limit + 1)


class BareEvalsha(Counter):
    """script-flush: loads its script once, and never again."""

    def __init__(self, client: redis.Redis, quota: Quota, clock: Clock) -> None:
        super().__init__(client, quota, clock)
        self._digest = self.client.script_load(self.script)

    def acquire(self, key: str) -> Decision:
        count = self.client.evalsha(self._digest, 1, key, self.window)
        return Decision(count <= self.limit)


class BareEvalshaLate(Counter):
    """script-flush: who is refused late in a window has a script run that is loaded only once."""

    def __init__(self, client: redis.Redis, quota: Quota, clock: Clock) -> None:
        super().__init__(client, quota, clock)
        self._digest = self.client.script_load("return redis.call('PTTL', KEYS[1])")

    def acquire(self, key: str) -> Decision:
        decision = super().acquire(key)
        if not decision.allowed and self.client.pttl(key) < self.window / 2:
            self.client.evalsha(self._digest, 1, key)
        return decision


class LoadsAgainOnce(BareEvalsha):
    """script-flush: the second time that the script is missing, it raises."""

    def acquire(self, key: str) -> Decision:
        try:
            return super().acquire(key)
        except redis.exceptions.NoScriptError:
            if not self._digest:
                raise
            self._digest = ""
            return Decision(self.client.eval(self.script, 1, key, self.window) <= self.limit)


class FailsOpenWithoutScript(BareEvalsha):
    """script-flush: takes the missing script for an outage, and admits everybody."""

    def acquire(self, key: str) -> Decision:
        try:
            return super().acquire(key)
        except redis.RedisError:
            return Decision(True)


class TellsByItsClock(Counter):
    """clock-skew: counts by the server's clock, and tells by the client's how long to wait."""

    script = """
        local count = redis.call('INCR', KEYS[1])
        if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
        return {count, redis.call('PEXPIRETIME', KEYS[1])}
    """

    def __init__(self, client: redis.Redis, quota: Quota, clock: Clock) -> None:
        super().__init__(client, quota, clock)
        self.clock = clock

    def acquire(self, key: str) -> Decision:
        count, end = self.client.eval(self.script, 1, key, self.window)
        wait = max(0.0, end / 1000 - self.clock())
        return Decision(count <= self.limit, retry_after=None if count <= self.limit else wait)


class TellsWhatIsLeftByItsClock(LuaAtomic):
    """clock-skew: counts by the server's clock, and tells by the client's what is left."""

    def __init__(self, client: redis.Redis, quota: Quota, clock: Clock) -> None:
        super().__init__(client, quota, clock)
        self.clock, self.quota = clock, quota

    def acquire(self, key: str, cost: int = 1) -> Decision:
        decision = super().acquire(key, cost)
        if not decision.allowed:
            return decision
        since = int((self.clock() - self.quota.window) * 1_000_000)
        count: Any = self._script.registered_client.zcount(key, f"({since}", "+inf")
        return Decision(True, self.quota.limit - count)


class CountsTheSecondTwice(ServerLimiter):
    """lost-reply: the first request, sent again, stores the same; each later one counts twice."""

    promise: ClassVar[type[FixedWindowPromise]] = FixedWindowPromise

    def acquire(self, key: str) -> Decision:
        if not self.client.exists(key):
            self.client.set(key, 1, px=self.window)
            return Decision(True)
        return Decision(self.client.incr(key) <= self.limit)
