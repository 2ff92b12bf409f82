"""Limiters that are right in an unusual way, and faults that only an unusual story shows."""

from __future__ import annotations

import time
import uuid
from itertools import count
from typing import Any, ClassVar

import redis

from limiters.contract import Clock, Decision, Quota

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
