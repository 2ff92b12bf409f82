"""asyncio-redis-rate-limit 1.1.0: a fixed window for redis.asyncio."""

from __future__ import annotations

import redis.asyncio

from limiters.adapters.packages import adapts, whole_seconds
from limiters.contract import Clock, Decision, Quota
from limiters.promise import FixedWindow

LABEL = "asyncio-redis-rate-limit-1.1.0"


class _RateLimiter:
    def __init__(self, client: redis.asyncio.Redis, quota: Quota) -> None:
        self._client = client
        self._quota = quota.limit, whole_seconds(quota.window, LABEL)

    async def acquire(self, key: str) -> Decision:
        from asyncio_redis_rate_limit import RateLimiter, RateLimitError, RateSpec

        limiter = RateLimiter(key, RateSpec(*self._quota), self._client, cache_prefix="limit:")
        try:
            async with limiter:
                return Decision(True)
        except RateLimitError:
            return Decision(False)


@adapts(LABEL, promise=FixedWindow.of)
def fixed(client: redis.asyncio.Redis, quota: Quota, clock: Clock) -> _RateLimiter:
    """{INCR; EXPIRE NX}; a refused request counts as well."""
    return _RateLimiter(client, quota)
