"""walrus 0.9.8, and 0.9.2 before it: a list of instants, by single commands or by one script."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import Any

import redis

from limiters.adapters.packages import adapts
from limiters.contract import Clock, Decision, Quota
from limiters.promise import SlidingWindow

WALRUS, BEFORE = "walrus-0.9.8", "walrus-0.9.2"


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


@adapts(BEFORE, promise=SlidingWindow.of)
def rate_limit_before(client: redis.Redis, quota: Quota, clock: Clock) -> _RateLimit:
    """The same in 0.9.2, which takes the element that LINDEX gives for granted.

    Where the list ends between LLEN and LINDEX there is none: TypeError (coleifer/walrus#183). Its
    Database does not fit redis-py 8; of that, the limiter asks for no more than its lists.
    """
    from walrus import List, RateLimit

    database = SimpleNamespace(List=partial(List, client))
    return _RateLimit(RateLimit(database, "limit", quota.limit, quota.window))


@adapts(WALRUS, "walrus.rate_limit", promise=SlidingWindow.of)
def rate_limit_lua(client: redis.Redis, quota: Quota, clock: Clock) -> _RateLimit:
    """The same in one script. It has a list that is not full yet never expire."""
    from walrus.rate_limit import RateLimitLua

    return _RateLimit(RateLimitLua(_database(client), "limit", quota.limit, quota.window))


def _database(client: redis.Redis) -> Any:
    """walrus' own client, on the connections of ours."""
    from walrus import Database

    return Database(connection_pool=client.connection_pool)
