"""pyrate-limiter: 2.10.0 decides on the client, 4.5.1 in a script.

Both make one bucket a key; a process can hold one of the two versions.
"""

from __future__ import annotations

from typing import Any

import redis

from limiters.adapters.packages import adapts
from limiters.contract import Clock, Decision, Quota
from limiters.promise import SlidingWindow, TokenBucket

OLD, NEW = "pyrate-limiter-2.10.0", "pyrate-limiter-4.5.1"


@adapts(OLD, promise=SlidingWindow.of)
def v2(client: redis.Redis, quota: Quota, clock: Clock) -> _TryAcquire:
    """LLEN | LLEN | {RPUSH}; of a full list LLEN | LLEN | LRANGE | {LPOP×n} | LLEN | {RPUSH}.

    Limit 1: A reads the length 0, B pushes, and A, when it looks again, finds the list full:
    then it is admitted without being written down at all.
    """
    from pyrate_limiter import Limiter, RedisBucket, RequestRate

    limiter = Limiter(
        RequestRate(quota.limit, quota.window),
        bucket_class=RedisBucket,
        bucket_kwargs={"redis_pool": client.connection_pool, "bucket_name": "limit"},
        time_function=clock,
    )

    return _TryAcquire(limiter)


@adapts(NEW, promise=SlidingWindow.of)
def v4(client: redis.Redis, quota: Quota, clock: Clock) -> _PerKey:
    """SCRIPT LOAD, once a key, then <ZCOUNT; ZADD> on the client's clock.

    Without the package's thread that prunes (`schedule_leak`): who judges the memory of this one
    judges it without its broom.
    """
    from pyrate_limiter import Rate, RedisBucket

    rates = [Rate(quota.limit, quota.window_ms)]
    return _PerKey(lambda key: RedisBucket.init(rates, client, key))


@adapts(NEW, promise=TokenBucket.of)
def v4_gcra(client: redis.Redis, quota: Quota, clock: Clock) -> _PerKey:
    """<HMGET; HSET; PEXPIRE> on the client's clock: one instant a key, no list."""
    from pyrate_limiter import GCRA, Rate, RedisStateStore, StateBucket

    rates = [Rate(quota.limit, quota.window_ms)]
    return _PerKey(lambda key: StateBucket(rates, GCRA(), RedisStateStore(client, key)))


class _TryAcquire:
    """The one entry of 2.10.0 that neither waits nor wraps a function."""

    def __init__(self, limiter: Any) -> None:
        self._limiter = limiter

    def acquire(self, key: str) -> Decision:
        from pyrate_limiter import BucketFullException

        try:
            self._limiter.try_acquire(key)
        except BucketFullException as full:
            return Decision(False, retry_after=full.meta_info["remaining_time"])
        return Decision(True)


class _PerKey:
    """One bucket and one limiter of the package for each key."""

    def __init__(self, bucket: Any) -> None:
        self._bucket = bucket
        self._limiters: dict[str, Any] = {}

    def acquire(self, key: str, cost: int = 1) -> Decision:
        if key not in self._limiters:
            self._limiters[key] = self._limiter(key)
        return Decision(self._limiters[key].try_acquire(key, cost, blocking=False))

    def _limiter(self, key: str) -> Any:
        from pyrate_limiter import Limiter, SingleBucketFactory

        return Limiter(SingleBucketFactory(self._bucket(key), schedule_leak=False))
