"""limits 5.8.0: fixed window, moving window, sliding window counter; also with asyncio.

Its requirements name redis-py below 8; under 8.1 it works, unmodified, here.
"""

from __future__ import annotations

from typing import Any

import redis
import redis.asyncio

from limiters.adapters.packages import adapts, whole_seconds
from limiters.contract import AsyncLimiter, Clock, Decision, Limiter, Quota
from limiters.promise import FixedWindow, SlidingWindow

LIMITS = "limits-5.8.0"
SYNC = ("limits.storage.redis", "limits.strategies")
ASYNC = ("limits.aio.storage.redis", "limits.aio.strategies")


class _Hit:
    """Asks a strategy of the package for one limit on one key."""

    def __init__(self, strategy: Any, quota: Quota) -> None:
        from limits import RateLimitItemPerSecond

        self._strategy = strategy
        self._item = RateLimitItemPerSecond(quota.limit, whole_seconds(quota.window, LIMITS))

    def acquire(self, key: str, cost: int = 1) -> Decision:
        return Decision(self._strategy.hit(self._item, key, cost=cost))


class _AsyncHit(_Hit):
    async def acquire(self, key: str, cost: int = 1) -> Decision:  # type: ignore[override]
        return Decision(await self._strategy.hit(self._item, key, cost=cost))


@adapts(LIMITS, *SYNC, promise=FixedWindow.of)
def fixed(client: redis.Redis, quota: Quota, clock: Clock) -> Limiter:
    """<INCRBY; EXPIRE when it is the first>; a refused request counts as well."""
    from limits.strategies import FixedWindowRateLimiter

    return _Hit(FixedWindowRateLimiter(_storage(client)), quota)


@adapts(LIMITS, *SYNC, promise=SlidingWindow.of)
def moving(client: redis.Redis, quota: Quota, clock: Clock) -> Limiter:
    """<LINDEX; LPUSH; LTRIM; EXPIRE>, with the client's time.time()."""
    from limits.strategies import MovingWindowRateLimiter

    return _Hit(MovingWindowRateLimiter(_storage(client)), quota)


@adapts(LIMITS, *SYNC, promise=FixedWindow.of)
def sliding_counter(client: redis.Redis, quota: Quota, clock: Clock) -> Limiter:
    """Two counters in one script; the one of the window before counts by how much of it is left.

    It approximates a sliding window and claims no bound. What it keeps is that of a fixed window:
    L requests late in one window, and at the end of the next, when they hardly count any more,
    L again: 2·L within one window's length.
    """
    from limits.strategies import SlidingWindowCounterRateLimiter

    return _Hit(SlidingWindowCounterRateLimiter(_storage(client)), quota)


@adapts(LIMITS, *ASYNC, promise=FixedWindow.of)
def async_fixed(client: redis.asyncio.Redis, quota: Quota, clock: Clock) -> AsyncLimiter:
    """As `fixed`, with redis.asyncio."""
    from limits.aio.strategies import FixedWindowRateLimiter

    return _AsyncHit(FixedWindowRateLimiter(_async_storage(client)), quota)


@adapts(LIMITS, *ASYNC, promise=SlidingWindow.of)
def async_moving(client: redis.asyncio.Redis, quota: Quota, clock: Clock) -> AsyncLimiter:
    """As `moving`, with redis.asyncio."""
    from limits.aio.strategies import MovingWindowRateLimiter

    return _AsyncHit(MovingWindowRateLimiter(_async_storage(client)), quota)


def _storage(client: redis.Redis) -> Any:
    """The package's own storage, on the connections of our client."""
    from limits.storage.redis import RedisStorage

    return RedisStorage("redis://", connection_pool=client.connection_pool)


def _async_storage(client: redis.asyncio.Redis) -> Any:
    from limits.aio.storage.redis import RedisStorage

    return RedisStorage(
        "async+redis://", implementation="redispy", connection_pool=client.connection_pool
    )
