"""A moving window on a Redis list, in one Lua script."""

from __future__ import annotations

from typing import ClassVar

import redis

from limiters.base import lua_script, sent_once, whole_cost, window_microseconds
from limiters.contract import Clock, Decision, Quota


class ListWindow:
    """Exact sliding window: the limit-th newest admission must be a window old.

    One round trip, on the server's clock. `remaining` and `retry_after` are exact to the
    microsecond. Nothing is sent twice: when a reply is lost, the caller gets the error.
    list_window.lua says why it is right.
    """

    script: ClassVar[str] = "list_window.lua"

    def __init__(self, client: redis.Redis, quota: Quota, clock: Clock) -> None:  # noqa: ARG002
        self._script = lua_script(sent_once(client), self.script)
        self._limit = quota.limit
        self._window = window_microseconds(quota)

    def acquire(self, key: str, cost: int = 1) -> Decision:
        """Take `cost` requests at once, all or nothing.

        A cost above the limit is refused for ever: retry_after is None. Raises ValueError when
        the cost is not a whole number of at least 1.
        """
        allowed, remaining, wait = self._script(
            keys=[key], args=[self._limit, self._window, whole_cost(cost)]
        )
        refused_for_now = not allowed and wait >= 0
        return Decision(bool(allowed), remaining, wait / 1_000_000 if refused_for_now else None)
