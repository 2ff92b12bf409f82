"""ZCARD, then ZADD: the most common racy limiter, to be searched by us and by others.

Imports nothing of limitproof, so that another explorer can import it in its own environment.
"""

from __future__ import annotations

import redis

from limiters.base import ClientClockLimiter, UniqueMembers
from limiters.contract import Clock, Decision, Quota


class CountThenAdd(ClientClockLimiter):
    """Four round trips when admitted, two when refused; members are unique.

    Limit 1: A counts 0, B counts 0, both add and both are admitted.
    """

    def __init__(self, client: redis.Redis, quota: Quota, clock: Clock) -> None:
        super().__init__(client, quota, clock)
        self._members = UniqueMembers()

    def acquire(self, key: str) -> Decision:
        """Prune, count, add, set the expiry: each a round trip of its own."""
        now = self.now()
        self.client.zremrangebyscore(key, 0, now - self.window)
        if self.client.zcard(key) >= self.limit:
            return Decision(False)
        self.client.zadd(key, {self._members.name(now): now})
        self.client.pexpire(key, self.window)
        return Decision(True)
