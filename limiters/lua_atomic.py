"""The limiter to use: an exact sliding window log in one Lua script."""

from __future__ import annotations

from typing import ClassVar

import redis

from limiters.base import lua_script, nonce, whole_cost, window_microseconds
from limiters.contract import Clock, Decision, Quota


class LuaAtomic:
    """Exact sliding window in one round trip, on the server's clock in microseconds.

    Prune, count, conditional add and expiry run as one script, so no other client comes between.
    `remaining` and `retry_after` are exact: after waiting `retry_after` alone, the request is
    admitted; a microsecond earlier it is not. A request that redis-py sends again, because the
    reply was lost, is debited once. lua_atomic.lua says why it is right.
    """

    script: ClassVar[str] = "lua_atomic.lua"

    def __init__(self, client: redis.Redis, quota: Quota, clock: Clock) -> None:
        self._script = lua_script(client, self.script)
        self._limit = quota.limit
        self._window = window_microseconds(quota)
        self._clock = clock

    def acquire(self, key: str, cost: int = 1) -> Decision:
        """Take `cost` requests at once, all or nothing.

        A cost above the limit is refused for ever: retry_after is None. Raises ValueError when
        the cost is not a whole number of at least 1.
        """
        allowed, remaining, wait = self._script(
            keys=[key], args=[self._limit, self._window, whole_cost(cost), self._now(), nonce()]
        )
        refused_for_now = not allowed and wait >= 0
        return Decision(bool(allowed), remaining, wait / 1_000_000 if refused_for_now else None)

    def _now(self) -> int | str:
        """What the script takes for now: empty means the server's own clock."""
        return ""


class LuaAtomicClientClock(LuaAtomic):
    """The same on the client's clock: exact only as far as the clients' clocks agree.

    A client 50 ms ahead prunes entries that are 50 ms too young, and admits too many.
    """

    def _now(self) -> int | str:
        # Rounded, not cut off: 1700000000.000003 * 1e6 is 1700000000000002.9 in floating point.
        return round(self._clock() * 1_000_000)
