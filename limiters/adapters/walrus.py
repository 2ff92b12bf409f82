"""walrus 0.9.8: a list of instants, by single commands or by one script."""

from __future__ import annotations

from typing import Any

import redis

from limiters.adapters.packages import adapts
from limiters.contract import Clock, Decision, Quota
from limiters.promise import SlidingWindow

WALRUS = "walrus-0.9.8"


class _RateLimit:
    def __init__(self, limiter: Any) -> None:
        self._limiter = limiter

    def acquire(self, key: str) -> Decision:
        return Decision(not self._limiter.limit(key))


@adapts(WALRUS, promise=SlidingWindow.of)
def rate_limit(client: redis.Redis, quota: Quota, clock: Clock) -> _RateLimit:
    """LLEN | LPUSH | PEXPIRE; of a full list LLEN | LINDEX | [LPUSH |] LTRIM | PEXPIRE.

    Limit 1: two clients read the length 0, and both push.
    """
    from walrus import RateLimit

    return _RateLimit(RateLimit(_database(client), "limit", quota.limit, quota.window))


@adapts(WALRUS, "walrus.rate_limit", promise=SlidingWindow.of)
def rate_limit_lua(client: redis.Redis, quota: Quota, clock: Clock) -> _RateLimit:
    """The same in one script. It has a list that is not full yet never expire."""
    from walrus.rate_limit import RateLimitLua

    return _RateLimit(RateLimitLua(_database(client), "limit", quota.limit, quota.window))


def _database(client: redis.Redis) -> Any:
    """walrus' own client, on the connections of ours."""
    from walrus import Database

    return Database(connection_pool=client.connection_pool)
