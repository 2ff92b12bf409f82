"""A limiter that takes a cost, and faults that only a cost above 1 shows."""

from __future__ import annotations

import time

from limiters.contract import Decision
from tests.verify.experiments.awkward import _Log


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
