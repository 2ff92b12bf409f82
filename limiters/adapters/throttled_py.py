"""throttled-py 3.5.0: fixed window, sliding window counter, token bucket, leaking bucket, GCRA."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import redis

from limiters.adapters.packages import adapts, whole_seconds
from limiters.contract import Clock, Decision, Limiter, Quota
from limiters.promise import FixedWindow, TokenBucket

THROTTLED = "throttled-py-3.5.0"
STORE = "throttled.store"


@adapts(THROTTLED, STORE, promise=FixedWindow.of)
def fixed(client: redis.Redis, quota: Quota, clock: Clock) -> Limiter:
    """INCRBY | EXPIRE when it is the first. The count decides, so that nothing comes between."""
    return _Limit("fixed_window", client, quota)


@adapts(THROTTLED, STORE, promise=FixedWindow.of)
def sliding(client: redis.Redis, quota: Quota, clock: Clock) -> Limiter:
    """Two counters in one script, the older by how much of it is left; the client's clock.

    An approximation: L late in one window and L at the end of the next are admitted, 2·L within
    one window's length, as with a fixed window.
    """
    return _Limit("sliding_window", client, quota)


@adapts(THROTTLED, STORE, promise=TokenBucket.of)
def token_bucket(client: redis.Redis, quota: Quota, clock: Clock) -> Limiter:
    """<TIME; HMGET; HSET; EXPIRE>; the clock counts whole seconds."""
    return _Limit("token_bucket", client, quota)


@adapts(THROTTLED, STORE, promise=TokenBucket.of)
def leaking_bucket(client: redis.Redis, quota: Quota, clock: Clock) -> Limiter:
    """<TIME; HMGET; EXPIRE; HSET>: a token bucket seen from below."""
    return _Limit("leaking_bucket", client, quota)


@adapts(THROTTLED, STORE, promise=TokenBucket.of)
def gcra(client: redis.Redis, quota: Quota, clock: Clock) -> Limiter:
    """<TIME; GET; SET>, in microseconds."""
    return _Limit("gcra", client, quota)


class _Limit:
    """Asks one of the package's limiters; without a timeout it does not wait."""

    def __init__(self, using: str, client: redis.Redis, quota: Quota) -> None:
        from throttled import Throttled, per_duration
        from throttled.store import RedisStore

        window = timedelta(seconds=whole_seconds(quota.window, THROTTLED))
        given = {"CONNECTION_FACTORY_CLASS": f"{__name__}.OurClient", "CLIENT": _Held(client)}
        self._throttled = Throttled(
            using=using,
            quota=per_duration(window, quota.limit, burst=quota.limit),
            store=RedisStore(options=given),
        )

    def acquire(self, key: str, cost: int = 1) -> Decision:
        told = self._throttled.limit(key, cost)
        wait = told.state.retry_after if told.limited else None
        return Decision(not told.limited, told.state.remaining, wait)


class _Held:
    """Carries a client through the package's options, which are copied deeply."""

    def __init__(self, client: redis.Redis) -> None:
        self.client = client

    def __deepcopy__(self, _memo: dict[int, Any]) -> _Held:
        return self


class OurClient:
    """A connection factory, as the package lets one be named: it connects nothing."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._held: _Held = options["CLIENT"]

    def connect(self, _url: str | None = None) -> redis.Redis:
        """The client that the limiter was given."""
        return self._held.client
