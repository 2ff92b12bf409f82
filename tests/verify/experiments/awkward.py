"""Limiters that are right in an unusual way, and faults that only an unusual story shows."""

from __future__ import annotations

import time
import uuid
from itertools import count
from typing import Any, ClassVar

import redis

from limiters.contract import Clock, Decision, Quota
from limiters.promise import TokenBucket

TAKE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local window, limit = tonumber(ARGV[1]) * 1000, tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
local count = redis.call('ZCARD', KEYS[1])
if count >= limit then return {0, 0, now} end
redis.call('ZADD', KEYS[1], now, ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[1] + EXTRA)
return {1, limit - count - 1, now}
"""
RELEASE = "return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('DEL', KEYS[1]) or false"
DENIED: dict[tuple[str, int, float], float] = {}


class _Log:
    """A log of admissions in a script; what is beyond it is the subclasses' own."""

    script: ClassVar[str] = TAKE.replace("EXTRA", "0")

    def __init__(self, client: redis.Redis, quota: Quota, clock: Clock) -> None:  # noqa: ARG002
        self.client: Any = client
        self.quota, self.number, self.name = quota, 0, uuid.uuid4().hex
        self.take: Any = client.register_script(self.script)

    def acquire(self, key: str) -> Decision:
        self.number += 1
        name = f"{self.name}:{self.number}"
        allowed, remaining, _ = self.take([key], [self.quota.window_ms, self.quota.limit, name])
        return Decision(bool(allowed), remaining)


class DailyAsWell(_Log):
    """And so many a day, of the calendar: that key is kept for two, where a window is seconds."""

    script = TAKE.replace("EXTRA", "0").replace(
        "redis.call('ZADD'",
        """if redis.call('INCR', KEYS[2]) == 1 then redis.call('EXPIRE', KEYS[2], 172800) end
        redis.call('ZADD'""",
    )

    def acquire(self, key: str) -> Decision:
        self.number += 1
        seconds, _ = self.client.time()
        keys = [f"{{{key}}}", f"{{{key}}}:{seconds // 86_400}"]
        name = f"{self.name}:{self.number}"
        allowed, remaining, _ = self.take(keys, [self.quota.window_ms, self.quota.limit, name])
        return Decision(bool(allowed), remaining)


class MonthlyAsWell(DailyAsWell):
    """And so many a month: each request puts off the end of a log that is pruned by the month."""

    script = TAKE.replace("EXTRA", "0").replace(
        "redis.call('ZADD'",
        """redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - 2592000000000)
        if redis.call('ZCARD', KEYS[2]) >= 50 * limit then return {0, 0, now} end
        redis.call('ZADD', KEYS[2], now, ARGV[3])
        redis.call('EXPIRE', KEYS[2], 2592000)
        redis.call('ZADD'""",
        1,
    )

    def acquire(self, key: str) -> Decision:
        self.number += 1
        name = f"{self.name}:{self.number}"
        keys = [f"{{{key}}}", f"{{{key}}}:month"]
        allowed, remaining, _ = self.take(keys, [self.quota.window_ms, self.quota.limit, name])
        return Decision(bool(allowed), remaining)


class KeptAMinuteMore(_Log):
    """Its keys live for a window and a minute: too long, and bounded all the same."""

    script = TAKE.replace("EXTRA", "60000")


class PutOffForEver(_Log):
    """memory: nothing leaves the log, whose end each request puts off."""

    script = """
        redis.call('RPUSH', KEYS[1], ARGV[3])
        redis.call('PEXPIRE', KEYS[1], 61000)
        return {redis.call('LLEN', KEYS[1]) % 7 < 2 and 1 or 0, 0, 0}
    """


class DenyCache(_Log):
    """Remembers in the process, for all limiters in it, whom Redis has refused."""

    def acquire(self, key: str) -> Decision:
        known = (key, self.quota.limit, self.quota.window)
        if time.monotonic() < DENIED.get(known, 0.0):
            return Decision(False)
        decision = super().acquire(key)
        if not decision.allowed:
            DENIED[known] = time.monotonic() + self.quota.window / 100
        return decision


class Leased(_Log):
    """A lock that ends after a while, tried again each millisecond."""

    lease: ClassVar[int | None] = 5_000  # ms

    def acquire(self, key: str) -> Decision:
        lock, token = f"{{{key}}}:lock", f"{self.name}:{self.number}"
        while not self.client.set(lock, token, nx=True, px=self.lease):
            time.sleep(0.001)
        try:
            return super().acquire(key)
        finally:
            self.client.eval(RELEASE, 1, lock, token)


class LockedForGood(Leased):
    """crash, lost-reply: the same, and the lock has no end."""

    lease = None


class Fields(_Log):
    """A hash with a field for each admission; the fields end, and the key with the last of them."""

    script = """
        local live = redis.call('HKEYS', KEYS[1])
        if #live >= tonumber(ARGV[2]) then return {0, 0, 0} end
        redis.call('HSET', KEYS[1], ARGV[3], '1')
        redis.call('HPEXPIRE', KEYS[1], ARGV[1], 'FIELDS', 1, ARGV[3])
        return {1, tonumber(ARGV[2]) - #live - 1, 0}
    """


class FieldsAndATotal(Fields):
    """expiry: one field has no end, so that the key has none."""

    script = Fields.script.replace(
        "return {1", "redis.call('HSET', KEYS[1], 'quota', ARGV[2])\n return {1"
    ).replace(
        "local live = redis.call('HKEYS', KEYS[1])",
        "redis.call('HDEL', KEYS[1], 'quota')\n local live = redis.call('HKEYS', KEYS[1])",
    )


class TurnsWithTheHour(_Log):
    """overshoot: whoever comes in the first window of an hour finds an empty log."""

    script = _Log.script.replace(
        "local count",
        "if math.floor((now - window) / 3600000000) ~= math.floor(now / 3600000000) then "
        "redis.call('DEL', KEYS[1]) end\nlocal count",
    )


class OneLogATenant(_Log):
    """isolation: of a key with two colons the last part is cut off."""

    def acquire(self, key: str) -> Decision:
        return super().acquire(key.rsplit(":", 1)[0] if key.count(":") > 1 else key)


class Costly(_Log):
    """Takes a cost, and is right."""

    script = """
        local clock = redis.call('TIME')
        local now = clock[1] * 1000000 + clock[2]
        local window, limit, cost = tonumber(ARGV[1]) * 1000, tonumber(ARGV[2]), tonumber(ARGV[4])
        -- BEFORE
        redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
        local count = redis.call('ZCARD', KEYS[1])
        if count + cost > limit then return {0, math.max(0, limit - count)} end
        for place = 1, cost do redis.call('ZADD', KEYS[1], now, ARGV[3] .. ':' .. place) end
        redis.call('PEXPIRE', KEYS[1], ARGV[1])
        -- AFTER
        return {1, limit - count - cost}
    """

    def acquire(self, key: str, cost: int = 1) -> Decision:
        self.number += 1
        told = [self.quota.window_ms, self.quota.limit, f"{self.name}:{self.number}", cost]
        allowed, remaining = self.take([key], [*told, round(time.time() * 1_000_000)])
        return Decision(bool(allowed), remaining)


class CostlyWithoutEnd(Costly):
    """expiry, memory: no TTL for a cost above 1."""

    script = Costly.script.replace(
        "-- AFTER", "if cost > 1 then redis.call('PERSIST', KEYS[1]) end"
    )


class CostlyAudit(Costly):
    """memory, cluster: a counter of costs above 1 that has no end, and is not declared."""

    script = Costly.script.replace(
        "-- AFTER", "if cost > 1 then redis.call('HINCRBY', 'audit', ARGV[3], cost) end"
    )


class CostlyRefusals(Costly):
    """memory: refused requests are stored for a window, where they have a cost above 1."""

    script = Costly.script.replace(
        "-- BEFORE",
        """
        if cost > 1 and redis.call('ZCOUNT', KEYS[1], now - window, '+inf') + cost > limit then
          local refused = KEYS[1] .. ':refused'
          redis.call('ZREMRANGEBYSCORE', refused, '-inf', now - window)
          redis.call('ZADD', refused, now, ARGV[3])
          redis.call('PEXPIRE', refused, ARGV[1])
        end
        """,
    )


class TooCostlyElsewhere(Costly):
    """cluster: a cost above the limit is noted where nobody expects it."""

    script = Costly.script.replace(
        "-- BEFORE", "if cost > limit then redis.call('SET', 'never', 1, 'PX', ARGV[1]) end"
    )


class CostlyInTwoSteps(CostlyWithoutEnd):
    """crash: the TTL comes in another round trip, for a cost above 1."""

    def acquire(self, key: str, cost: int = 1) -> Decision:
        decision = super().acquire(key, cost)
        if cost > 1 and decision.allowed:
            self.client.pexpire(key, self.quota.window_ms)
        return decision


class CostlyByItsOwnClock(Costly):
    """clock-skew: a cost above 1 is judged by the client's clock."""

    script = Costly.script.replace("-- BEFORE", "if cost > 1 then now = tonumber(ARGV[5]) end")


class CostlyTwice(Costly):
    """lost-reply: what is sent again is debited again, for a cost above 1."""

    script = Costly.script.replace(
        "ARGV[3] .. ':' .. place",
        "(cost > 1 and tostring(count) or '') .. ARGV[3] .. ':' .. place",
    )


class CostlyByName(Costly):
    """script-flush: a cost above 1 calls a script that nobody loads again."""

    def acquire(self, key: str, cost: int = 1) -> Decision:
        if cost == 1:
            return super().acquire(key)
        self.number += 1
        if self.number == 1:
            self.client.script_load(self.script)
        told = [self.quota.window_ms, self.quota.limit, f"{self.name}:{self.number}", cost]
        allowed, remaining = self.client.evalsha(self.take.sha, 1, key, *told)
        return Decision(bool(allowed), remaining)


class CostlyFolded(Costly):
    """isolation: what is after a colon is cut off, for a cost above 1."""

    def acquire(self, key: str, cost: int = 1) -> Decision:
        return super().acquire(key.split(":")[0] if cost > 1 else key, cost)


class CostlyRace(Costly):
    """overshoot: for a cost above 1 it is read first, and written later."""

    def acquire(self, key: str, cost: int = 1) -> Decision:
        if cost > 1 and self.client.zcard(key) + cost <= self.quota.limit:
            self.number += 1
            now = round(time.time() * 1_000_000)
            names = {f"{self.name}:{self.number}:{place}": now for place in range(cost)}
            self.client.zadd(key, names)
            self.client.pexpire(key, self.quota.window_ms)
            return Decision(True)
        return super().acquire(key, cost)


class DeepBucket:
    """Right: it fills up in ten windows."""

    windows: ClassVar[float] = 10
    script: ClassVar[str] = """
        local clock = redis.call('TIME')
        local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
        local burst, rate, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
        local held = redis.call('HMGET', KEYS[1], 'tokens', 'at')
        local since = math.max(0, now - (tonumber(held[2]) or now))
        local tokens = math.min(burst, (tonumber(held[1]) or burst) + since * rate)
        local allowed = tokens >= cost and 1 or 0
        tokens = tokens - allowed * cost
        redis.call('HSET', KEYS[1], 'tokens', string.format('%.9f', tokens), 'at', now)
        redis.call('PEXPIRE', KEYS[1], math.ceil((burst - tokens) / rate) + 1)
        return {allowed, string.format('%.9f', tokens)}
    """

    @classmethod
    def promise(cls, quota: Quota) -> TokenBucket:
        return TokenBucket(quota.limit / quota.window, max(1, cls.windows * quota.limit))

    def __init__(self, client: redis.Redis, quota: Quota, clock: Clock) -> None:  # noqa: ARG002
        self.take: Any = client.register_script(self.script)
        self.bucket = self.promise(quota)

    def acquire(self, key: str, cost: int = 1) -> Decision:
        bucket = self.bucket
        allowed, left = self.take([key], [bucket.burst, f"{bucket.rate / 1000:.12g}", cost])
        wait = (cost - float(left)) / bucket.rate if not allowed and cost <= bucket.burst else None
        return Decision(bool(allowed), int(float(left) + 1e-6), wait)


class DeepBucketKept(DeepBucket):
    """expiry: kept for a day longer than it takes to be full."""

    script = DeepBucket.script.replace("/ rate) + 1)", "/ rate) + 86400000)")


class ShallowBucket(DeepBucket):
    """Right: it fills up in a third of a window."""

    windows = 1 / 3


class DeepRace(DeepBucket):
    """overshoot: it is read first, and written later."""

    def __init__(self, client: redis.Redis, quota: Quota, clock: Clock) -> None:
        super().__init__(client, quota, clock)
        self.client: Any = client

    def acquire(self, key: str, cost: int = 1) -> Decision:
        if int(self.client.get(key) or 0) + cost > self.bucket.burst:
            return Decision(False)
        self.client.incrby(key, cost)
        return Decision(True)


class InEightBits(_Log):
    """overshoot: a count that is kept in eight bits never gets to a limit above 255."""

    script = """
        local count = redis.call('BITFIELD', KEYS[1], 'INCRBY', 'u8', '0', '1')[1]
        if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
        return {count <= tonumber(ARGV[2]) and 1 or 0, 0}
    """

    def acquire(self, key: str) -> Decision:
        return Decision(bool(self.take([key], [self.quota.window_ms, self.quota.limit])[0]))


class ShutsOut(_Log):
    """false-rejection and contamination: who was refused 25 times is refused for three windows."""

    def acquire(self, key: str) -> Decision:
        if self.client.exists(f"{key}:out"):
            return Decision(allowed=False)
        decision = super().acquire(key)
        if not decision.allowed and self.client.incr(f"{key}:refused") % 25 == 0:
            self.client.set(f"{key}:out", 1, px=3 * self.quota.window_ms)
        return decision


class OpenForOddKeys(_Log):
    """isolation: whoever has no name, or a very long one, is never refused."""

    def acquire(self, key: str) -> Decision:
        if not key or len(key) > 1_000:
            return Decision(allowed=True, remaining=1)
        return super().acquire(key)


class RefusedElsewhere(_Log):
    """cluster: a refusal reads a key that it does not declare, on another node."""

    script = TAKE.replace("EXTRA", "0").replace(
        "then return {0, 0, now}", "then redis.call('GET', 'ban' .. KEYS[1]) return {0, 0, now}"
    )


class CutToSeconds(_Log):
    """expiry: whole seconds, so that nothing is kept for a window below one."""

    script = TAKE.replace("PEXPIRE", "EXPIRE").replace(
        "ARGV[1] + EXTRA", "math.floor(ARGV[1] / 1000)"
    )


class TiresSoon:
    """contract: no Decision from the thirtieth request of the process on."""

    asked: ClassVar[count[int]] = count()

    def __init__(self, client: redis.Redis, quota: Quota, clock: Clock) -> None:
        self.inner = _Log(client, quota, clock)

    def acquire(self, key: str) -> Decision | None:
        return self.inner.acquire(key) if next(self.asked) < 29 else None
