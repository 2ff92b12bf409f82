"""A time to live that is none, too short, too long or started anew."""

from __future__ import annotations

from typing import Any, ClassVar

from limiters.contract import Decision
from limiters.lua_atomic import LuaAtomic
from limiters.promise import FixedWindow as FixedWindowPromise
from tests.verify.experiments.specimens.base import Counter, ServerLimiter


class RefreshedCounter(Counter):
    """expiry: every request starts the TTL anew."""

    script = """
        local count = redis.call('INCR', KEYS[1])
        redis.call('PEXPIRE', KEYS[1], ARGV[1])
        return count
    """


class CountsLargeCosts(LuaAtomic):
    """expiry: a key beside it, for costs of ten and more, never ends."""

    def acquire(self, key: str, cost: int = 1) -> Decision:
        if cost >= 10:
            self._script.registered_client.incr(f"{key}:large")
        return super().acquire(key, cost)


class EndsWithTheFirst(LuaAtomic):
    """expiry: the key of a log ends with its first entry, and takes later ones with it."""

    def acquire(self, key: str, cost: int = 1) -> Decision:
        before: Any = self._script.registered_client.pexpiretime(key)
        decision = super().acquire(key, cost)
        if before > 0:
            self._script.registered_client.pexpireat(key, before)
        return decision


class CountsWhatIsTooLarge(LuaAtomic):
    """expiry: whoever asks for more than the limit is written down for ever."""

    def acquire(self, key: str, cost: int = 1) -> Decision:
        if cost > self._limit:
            self._script.registered_client.incr(f"{key}:large")
        return super().acquire(key, cost)


class WholeSeconds(Counter):
    """expiry: half a second is cut to none, one and a half to one."""

    script = """
        local count = redis.call('INCR', KEYS[1])
        if count == 1 then redis.call('EXPIRE', KEYS[1], math.floor(ARGV[1] / 1000)) end
        return count
    """


class TwoSeconds(LuaAtomic):
    """expiry: two seconds, whatever the window."""

    def acquire(self, key: str, cost: int = 1) -> Decision:
        decision = super().acquire(key, cost)
        self._script.registered_client.pexpire(key, 2000)
        return decision


class FromTheSecondOn(Counter):
    """expiry: the first request of a client leaves a key for ever, unless it comes again."""

    script = """
        local count = redis.call('INCR', KEYS[1])
        if count == 2 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
        return count
    """


class KeptForDays(Counter):
    """expiry: lives for a day, where the window is seconds."""

    script = """
        local count = redis.call('INCR', KEYS[1])
        if count == 1 then redis.call('PEXPIRE', KEYS[1], 86400000) end
        return count
    """

    def acquire(self, key: str) -> Decision:
        seconds, microseconds = self.client.time()
        window = (seconds * 1000 + microseconds // 1000) // self.window
        count = self.client.eval(self.script, 1, f"{key}:{window}", self.window)
        return Decision(count <= self.limit)


class MadeAnewWithoutEnd(ServerLimiter):
    """expiry: a key that ends between two commands is made anew by the second, without a TTL."""

    promise: ClassVar[type[FixedWindowPromise]] = FixedWindowPromise

    def acquire(self, key: str) -> Decision:
        self.client.set(key, 0, nx=True, px=self.window)
        return Decision(self.client.incr(key) <= self.limit)


class SideKeyMadeAnew(MadeAnewWithoutEnd):
    """expiry: the same of a second key, which outlives the first; that one is right."""

    def acquire(self, key: str) -> Decision:
        count = self.client.eval(Counter.script, 1, key, self.window)
        self.client.set(f"{key}:seen", 0, nx=True, px=2 * self.window)
        self.client.incr(f"{key}:seen")
        return Decision(count <= self.limit)
