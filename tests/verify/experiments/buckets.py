"""Token buckets that are deeper or shallower than a window's limit, and their faults."""

from __future__ import annotations

from typing import Any, ClassVar

import redis

from limiters.contract import Clock, Decision, Quota
from limiters.promise import TokenBucket


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
