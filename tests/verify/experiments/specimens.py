"""Planted faults, one for each thing that a directed experiment must find, and right ones."""

from __future__ import annotations

import time
import zlib
from typing import Any, ClassVar

import redis
import redis.asyncio

from limiters.base import ClientClockLimiter, UniqueMembers, nonce
from limiters.contract import Clock, Decision, Quota
from limiters.fixed_window import FixedWindow
from limiters.lua_atomic import LuaAtomic
from limiters.promise import FixedWindow as FixedWindowPromise


class ServerLimiter:
    """Keeps client and quota; the window in whole milliseconds."""

    def __init__(self, client: redis.Redis, quota: Quota, clock: Clock) -> None:  # noqa: ARG002
        self.client: Any = client
        self.limit, self.window = quota.limit, quota.window_ms


class Counter(ServerLimiter):
    """A counter of a fixed window in a script, which keeps what it promises."""

    promise: ClassVar[type[FixedWindowPromise]] = FixedWindowPromise
    script: ClassVar[str] = """
        local count = redis.call('INCR', KEYS[1])
        if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
        return count
    """

    def acquire(self, key: str) -> Decision:
        count = self.client.eval(self.script, 1, key, self.window)
        return Decision(count <= self.limit, max(0, self.limit - count))


class RefreshedCounter(Counter):
    """expiry: every request starts the TTL anew."""

    script = """
        local count = redis.call('INCR', KEYS[1])
        redis.call('PEXPIRE', KEYS[1], ARGV[1])
        return count
    """


class KeepsAMidnight(Counter):
    """memory: whoever comes in the first hour of a day is counted for ever."""

    script = """
        local now = tonumber(redis.call('TIME')[1])
        if now % 86400 < 3600 then
          redis.call('INCR', 'midnight:' .. math.floor(now / 86400))
        end
        local count = redis.call('INCR', KEYS[1])
        if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
        return count
    """


class LogsEveryTwentieth(Counter):
    """memory: each twentieth admission is written down, and kept as long as somebody comes."""

    script = """
        local count = redis.call('INCR', KEYS[1])
        if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
        if count > tonumber(ARGV[2]) then return 0 end
        local log = KEYS[1] .. ':log'
        if redis.call('HINCRBY', log, 'n', 1) % 20 == 0 then
          redis.call('HSET', log, redis.call('TIME')[1] .. count, 1)
        end
        redis.call('PEXPIRE', log, 3 * ARGV[1])
        return 1
    """

    def acquire(self, key: str) -> Decision:
        return Decision(bool(self.client.eval(self.script, 1, key, self.window, self.limit)))


class LogsAfterPauses(LogsEveryTwentieth):
    """memory: who comes after a window of rest is written down, and kept for three more."""

    script = """
        local count = redis.call('INCR', KEYS[1])
        local log = KEYS[1] .. ':log'
        if count == 1 then
          redis.call('PEXPIRE', KEYS[1], ARGV[1])
          redis.call('RPUSH', log, redis.call('TIME')[1])
          redis.call('PEXPIRE', log, 3 * ARGV[1])
        end
        return count <= tonumber(ARGV[2]) and 1 or 0
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


class Immortal(Counter):
    """expiry, memory: the window is in the name, and nothing ever ends."""

    script = "return redis.call('INCR', KEYS[1])"

    def acquire(self, key: str) -> Decision:
        seconds, microseconds = self.client.time()
        window = (seconds * 1000 + microseconds // 1000) // self.window
        count = self.client.eval(self.script, 1, f"{key}:{window}")
        return Decision(count <= self.limit)


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


class IncrThenExpire(Counter):
    """crash, expiry: dies between the two, and the key stays for ever."""

    def acquire(self, key: str) -> Decision:
        count = self.client.incr(key)
        if count == 1:
            self.client.pexpire(key, self.window)
        return Decision(count <= self.limit)


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


class TwoSlots(Counter):
    """cluster: two keys of one script, both declared, in two slots."""

    script = """
        redis.call('SET', KEYS[2], 1, 'PX', ARGV[1])
        local count = redis.call('INCR', KEYS[1])
        if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
        return count
    """

    def acquire(self, key: str) -> Decision:
        count = self.client.eval(self.script, 2, key, f"seen:{key}", self.window)
        return Decision(count <= self.limit)


class TwoSlotsTransaction(Counter):
    """cluster: one transaction over two slots."""

    def acquire(self, key: str) -> Decision:
        pipe = self.client.pipeline(transaction=True)
        pipe.set(key, 0, px=self.window, nx=True)
        pipe.incr(key)
        pipe.set(f"seen:{key}", 1, px=self.window)
        _, count, _ = pipe.execute()
        return Decision(count <= self.limit)


class WaitsForItsTurn(Counter):
    """cluster: sleeps until it is admitted; never refuses. Its keys are in two slots as well."""

    def acquire(self, key: str) -> Decision:
        while not super().acquire(key).allowed:
            time.sleep(0.1)
        self.client.eval("return redis.call('GET', 'other')", 1, key)
        return Decision(True)


class ReadsUndeclared(Counter):
    """cluster: a script reads a key that it does not declare, in the same slot."""

    script = """
        local limit = redis.call('GET', '{' .. KEYS[1] .. '}:limit')
        local count = redis.call('INCR', KEYS[1])
        if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
        return count
    """


class ReadsNearItsEnd(Counter):
    """cluster: a script reads a key that it does not declare, when its own is about to end."""

    script = """
        local count = redis.call('INCR', KEYS[1])
        if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1])
        elseif redis.call('PTTL', KEYS[1]) < 100 then redis.call('GET', 'other') end
        return count
    """


class ReadsTwoSlots(Counter):
    """cluster: one command reads two keys that nobody ever writes."""

    def acquire(self, key: str) -> Decision:
        self.client.exists("other", key)
        return super().acquire(key)


class ReadsAtTheThirdRefusal(Counter):
    """cluster: a script reads a key that it does not declare, after it has refused twice."""

    script = """
        local count = redis.call('INCR', KEYS[1])
        if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
        if count == ARGV[2] + 3 then redis.pcall('GET', 'other') end
        return count
    """

    def acquire(self, key: str) -> Decision:
        count = self.client.eval(self.script, 1, key, self.window, self.limit)
        return Decision(count <= self.limit)


class ReadsInATransaction(ReadsUndeclared):
    """cluster: the same, in a transaction whose commands are sent one by one."""

    def __init__(self, client: redis.Redis, quota: Quota, clock: Clock) -> None:
        super().__init__(client.client(), quota, clock)  # type: ignore[no-untyped-call]

    def acquire(self, key: str) -> Decision:
        self.client.execute_command("MULTI")
        self.client.execute_command("EVAL", self.script, 1, key, self.window)
        (count,) = self.client.execute_command("EXEC")
        return Decision(count <= self.limit)


class LongTransaction(Counter):
    """Right on a cluster: a long script in a transaction, which redis-py sends in pieces."""

    note: ClassVar[str] = f"-- {'a library of helpers, inlined ' * 220}\n"

    def acquire(self, key: str) -> Decision:
        pipe = self.client.pipeline(transaction=True)
        pipe.eval(f"{self.note} redis.call('SET', KEYS[1], 1, 'PX', 500)", 1, f"{{{key}}}:asked")
        pipe.eval(self.script, 1, f"{{{key}}}", self.window)
        _, count = pipe.execute()
        return Decision(count <= self.limit, max(0, self.limit - count))


class RejectedFirst(Counter):
    """Right on a cluster: what the server rejects, in a pipeline before what it does."""

    def acquire(self, key: str) -> Decision:
        pipe = self.client.pipeline(transaction=False)
        pipe.execute_command("EVAL", "return 1")
        pipe.execute_command("EVAL", "return 1", "abc")
        pipe.eval("return redis.call('GET', KEYS[1])", 1, f"other:{key}")
        pipe.eval(self.script, 1, key, self.window)
        *_, count = pipe.execute(raise_on_error=False)
        return Decision(count <= self.limit)


class HashTagged(Counter):
    """Right on a cluster: two keys in one slot, declared, whatever the client is called."""

    script = """
        redis.call('SET', KEYS[2], 1, 'PX', ARGV[1])
        local count = redis.call('INCR', KEYS[1])
        if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
        return count
    """

    def acquire(self, key: str) -> Decision:
        tag = "{" + key.encode().hex() + "}"
        count = self.client.eval(self.script, 2, f"count:{tag}", f"seen:{tag}", self.window)
        return Decision(count <= self.limit)


class Lowercase(LuaAtomic):
    """isolation: "A" and "a" are one."""

    def acquire(self, key: str, cost: int = 1) -> Decision:
        return super().acquire(key.lower(), cost)


class Truncated(LuaAtomic):
    """isolation: what differs beyond the 200th character is one."""

    def acquire(self, key: str, cost: int = 1) -> Decision:
        return super().acquire(key[:200], cost)


class HashedIntoBuckets(LuaAtomic):
    """isolation: there are 4,096 counters for all users."""

    def acquire(self, key: str, cost: int = 1) -> Decision:
        return super().acquire(f"bucket:{zlib.crc32(key.encode()) % 4096}", cost)


class Trimmed(LuaAtomic):
    """isolation: blanks around a key are dropped."""

    def acquire(self, key: str, cost: int = 1) -> Decision:
        return super().acquire(key.strip(), cost)


class SweepsByPattern(Counter):
    """isolation: deletes by a pattern that other keys match as well."""

    def acquire(self, key: str) -> Decision:
        if key.endswith("*"):
            for name in self.client.keys(key):
                self.client.delete(name)
        return super().acquire(key)


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


class LogsRefused(ClientClockLimiter):
    """memory: a list of all requests, also of the refused ones, as long as they come."""

    def __init__(self, client: redis.Redis, quota: Quota, clock: Clock) -> None:
        super().__init__(client, quota, clock)
        self._members = UniqueMembers()

    def acquire(self, key: str) -> Decision:
        now = self.now()
        pipe = self.client.pipeline(transaction=True)
        pipe.zremrangebyscore(key, 0, now - self.window)
        pipe.zadd(key, {self._members.name(now): now})
        pipe.zcard(key)
        pipe.pexpire(key, self.window)
        _, _, count, _ = pipe.execute()
        return Decision(count <= self.limit)


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


class Asynchronous:
    """Right, with `async def`: the log in a script, a request sent again debited once."""

    script: ClassVar[str] = """
        local time = redis.call('TIME')
        local now = time[1] * 1000000 + time[2]
        redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - ARGV[2]))
        if redis.call('ZSCORE', KEYS[1], ARGV[3]) then return 1 end
        if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[1]) then return 0 end
        redis.call('ZADD', KEYS[1], string.format('%.0f', now), ARGV[3])
        redis.call('PEXPIREAT', KEYS[1], math.ceil((now + ARGV[2]) / 1000))
        return 1
    """

    def __init__(self, client: redis.asyncio.Redis, quota: Quota, clock: Clock) -> None:  # noqa: ARG002
        self._script = client.register_script(self.script)
        self._limit, self._window = quota.limit, quota.window_ms * 1000

    async def acquire(self, key: str) -> Decision:
        reply = await self._script(keys=[key], args=[self._limit, self._window, nonce()])
        return Decision(bool(reply))


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
