"""GCRA: a token bucket that is kept as one instant, in one Lua script."""

from __future__ import annotations

from typing import ClassVar

import redis

from limiters.base import lua_script, sent_once, whole_cost, window_microseconds
from limiters.contract import Clock, Decision, Quota
from limiters.promise import TokenBucket as TokenBucketPromise


class Gcra:
    """`limit` at once and `limit / window` per second after that, on the server's clock.

    `remaining` and `retry_after` are exact; the wait is rounded up to the microsecond. Nothing is
    sent twice: when a reply is lost, the caller gets the error.

    Source: ITU-T I.371 (virtual scheduling algorithm); gcra.lua says why nothing is rounded.
    """

    promise: ClassVar[type[TokenBucketPromise]] = TokenBucketPromise
    script: ClassVar[str] = "gcra.lua"

    def __init__(self, client: redis.Redis, quota: Quota, clock: Clock) -> None:  # noqa: ARG002
        self._script = lua_script(sent_once(client), self.script)
        self._limit = quota.limit
        self._window = window_microseconds(quota)

    def acquire(self, key: str, cost: int = 1) -> Decision:
        """Take `cost` requests at once, all or nothing.

        A cost above the limit is refused for ever: retry_after is None. Raises ValueError when
        the cost is not a whole number of at least 1.
        """
        limit, window = self._limit, self._window
        # A larger cost is refused as one above the limit is, without numbers too large for Lua.
        taken = min(whole_cost(cost), limit + 1) * window
        allowed, whole, part = self._script(keys=[key], args=[limit, window, *divmod(taken, limit)])
        # From here on in limit-ths of a microsecond.
        ahead = whole * limit + part
        remaining = max(0, (window * limit - ahead) // window)
        if allowed or cost > limit:
            return Decision(bool(allowed), remaining)
        wait = -((window * limit - ahead - taken) // limit)
        return Decision(False, remaining, wait / 1_000_000)
