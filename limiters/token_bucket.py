"""A token bucket in one Lua script, in whole numbers."""

from __future__ import annotations

from math import gcd
from typing import ClassVar

import redis

from limiters.base import exact_in_lua, lua_script, sent_once, whole_cost, window_microseconds
from limiters.contract import Clock, Decision, Quota
from limiters.promise import TokenBucket as TokenBucketPromise


class TokenBucket:
    """`limit` at once and `limit / window` per second after that, on the server's clock.

    `remaining` and `retry_after` are exact; the wait is rounded up to the microsecond. Nothing is
    sent twice: when a reply is lost, the caller gets the error.

    Raises ValueError for a quota whose bucket has 2^53 units or more (see `exact_in_lua`).
    """

    promise: ClassVar[type[TokenBucketPromise]] = TokenBucketPromise
    script: ClassVar[str] = "token_bucket.lua"

    def __init__(self, client: redis.Redis, quota: Quota, clock: Clock) -> None:  # noqa: ARG002
        self._script = lua_script(sent_once(client), self.script)
        self._limit = quota.limit
        self._window = window_microseconds(quota)
        # A token is worth so many units, and in a microsecond so many flow in, that
        # limit * token = window * flow: both whole, and as small as can be.
        common = gcd(quota.limit, self._window)
        self._token, self._flow = self._window // common, quota.limit // common
        self._capacity = exact_in_lua(quota, quota.limit * self._token)

    def acquire(self, key: str, cost: int = 1) -> Decision:
        """Take `cost` requests at once, all or nothing.

        A cost above the limit is refused for ever: retry_after is None. Raises ValueError when
        the cost is not a whole number of at least 1.
        """
        taken = min(whole_cost(cost), self._limit + 1)
        allowed, level, ahead = self._script(
            keys=[key], args=[self._window, self._capacity, self._token, self._flow, taken]
        )
        remaining = level // self._token
        if allowed or cost > self._limit:
            return Decision(bool(allowed), remaining)
        wait = ahead - (level - taken * self._token) // self._flow
        return Decision(False, remaining, wait / 1_000_000)
