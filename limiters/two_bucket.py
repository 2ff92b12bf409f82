"""An approximate sliding window of two counters, in one Lua script."""

from __future__ import annotations

from typing import ClassVar

import redis

from limiters.base import exact_in_lua, lua_script, sent_once, whole_cost, window_microseconds
from limiters.contract import Clock, Decision, Quota
from limiters.promise import TokenBucket as TokenBucketPromise


class TwoBucket:
    """Estimates a sliding window from this fixed window's count and a share of the last one's.

    Two numbers a key, whatever the limit. The price: up to 2 * limit - 1 are admitted within one
    window, and a request may be refused up to a window after an exact sliding window would have
    admitted it. What it does keep is the arrival curve of a token bucket, limit at once and
    limit / window per second, and that is what it promises; two_bucket.lua proves it.

    `remaining` and `retry_after` are exact: they tell what this limiter will do. Nothing is sent
    twice: when a reply is lost, the caller gets the error.

    Raises ValueError for a quota with limit * window of 2^53 or more (see `exact_in_lua`).
    Source: https://blog.cloudflare.com/counting-things-a-lot-of-different-things/
    """

    promise: ClassVar[type[TokenBucketPromise]] = TokenBucketPromise
    script: ClassVar[str] = "two_bucket.lua"

    def __init__(self, client: redis.Redis, quota: Quota, clock: Clock) -> None:  # noqa: ARG002
        self._script = lua_script(sent_once(client), self.script)
        self._limit = quota.limit
        self._window = window_microseconds(quota)
        exact_in_lua(quota, self._limit * self._window)

    def acquire(self, key: str, cost: int = 1) -> Decision:
        """Take `cost` requests at once, all or nothing.

        A cost above the limit is refused for ever: retry_after is None. Raises ValueError when
        the cost is not a whole number of at least 1.
        """
        limit, window = self._limit, self._window
        taken = min(whole_cost(cost), limit + 1)
        allowed, current, previous, left, ahead = self._script(
            keys=[key], args=[limit, window, taken]
        )
        remaining = max(0, ((limit - current) * window - previous * left) // window)
        if allowed or cost > limit:
            return Decision(bool(allowed), remaining)
        if current + cost <= limit:
            # Enough of the previous window must leave this one's.
            wait = left - (limit - current - cost) * window // previous
        else:
            # This window's own count is in the way: enough of it must leave the next one's.
            wait = left + window - (limit - cost) * window // current
        return Decision(False, remaining, (ahead + wait) / 1_000_000)
