"""Count and add in one pipeline or transaction, then decide on the client."""

from __future__ import annotations

import random

import redis

from limiters.base import ClientClockLimiter, UniqueMembers
from limiters.contract import Clock, Decision, Quota


class Pipeline(ClientClockLimiter):
    """Adds every request before it knows the answer, and takes it back after a refusal.

    The pipeline is no transaction: two clients whose commands alternate both count before either
    adds, and both are admitted to the last place. And until it is taken back, a refused request
    counts against others: limit 1, A admitted at 0, B refused just before the window ends, C
    comes just after and is refused because of B, although nobody else is in the window.
    """

    def __init__(self, client: redis.Redis, quota: Quota, clock: Clock) -> None:
        super().__init__(client, quota, clock)
        self._members = UniqueMembers()

    def member(self, now: int) -> str:
        """The name of this request in the sorted set."""
        return self._members.name(now)

    def acquire(self, key: str) -> Decision:
        """One round trip to add, one to take it back if refused, one for the oldest entry."""
        now = self.now()
        member = self.member(now)
        pipe = self.client.pipeline(transaction=False)
        pipe.zremrangebyscore(key, 0, now - self.window)
        pipe.zcard(key)
        pipe.zadd(key, {member: now})
        pipe.pexpire(key, self.window)
        _, others, _, _ = pipe.execute()

        count = others + 1
        allowed = count <= self.limit
        if not allowed:
            self.client.zrem(key, member)
        oldest = self.client.zrange(key, 0, 0, withscores=True)
        reset = int(oldest[0][1]) + self.window if oldest else now + self.window
        return Decision(allowed, self.left(count), None if allowed else (reset - now) / 1000)


class PipelineCleanupSteals(Pipeline):
    """Names each member by the clock alone, also when it takes a refused request back.

    Limit 1: A is admitted at millisecond 5. B, refused in the same millisecond, removes "5", the
    entry of A. C is admitted at 6: two in one window, one client after the other.
    """

    def member(self, now: int) -> str:
        """The clock in milliseconds: not unique."""
        return str(now)


class PipelineNoCleanup(ClientClockLimiter):
    """A transaction that adds every request and never takes a refused one back.

    Limit 1, a request every half window: only the first is ever admitted, because each refused
    one counts against the next. And equal milliseconds are one member: two requests count as one.
    """

    def acquire(self, key: str) -> Decision:
        """One round trip: the count includes this request and all refused ones."""
        now = self.now()
        pipe = self.client.pipeline(transaction=True)
        pipe.zremrangebyscore(key, 0, now - self.window)
        pipe.zadd(key, {str(now): now})
        pipe.zcard(key)
        pipe.expire(key, self.whole_seconds)
        _, _, count, _ = pipe.execute()
        return Decision(count <= self.limit, self.left(count))


class TransactionRandomMember(ClientClockLimiter):
    """The same with unique members: counts rightly, but counts refused requests as well.

    It tells everyone to come back after a whole window, however old the oldest entry is.
    """

    def acquire(self, key: str) -> Decision:
        """One round trip: the count includes this request and all refused ones."""
        now = self.now()
        pipe = self.client.pipeline(transaction=True)
        pipe.zremrangebyscore(key, 0, now - self.window)
        pipe.zadd(key, {f"{now}-{random.random()}": now})
        pipe.expire(key, self.whole_seconds)
        pipe.zcard(key)
        _, _, _, count = pipe.execute()
        allowed = count <= self.limit
        return Decision(allowed, self.left(count), None if allowed else self.window / 1000)


class AddThenCount(ClientClockLimiter):
    """Adds, then counts, each command a round trip of its own.

    Nobody is admitted too many: whoever counts has added before. But limit 1, A adds, B adds, A
    counts 2, B counts 2: both are refused the place that nobody has. Both also stay in the set.
    A client that dies before EXPIRE leaves a key without a time to live. `key + ":reset"` is the
    name of another client's set when that client is called so.
    """

    def acquire(self, key: str) -> Decision:
        """Five round trips, six when the time of reset has to be set anew."""
        now = self.now()
        self.client.zremrangebyscore(key, 0, now - self.window)
        self.client.zadd(key, {f"{now}-{random.random()}": now})
        count = self.client.zcard(key)
        self.client.expire(key, self.whole_seconds)

        stored = self.client.get(f"{key}:reset")
        reset = int(stored) if stored is not None else None
        if reset is None or reset < now:
            reset = now + self.window
            self.client.set(f"{key}:reset", reset, ex=self.whole_seconds)
        allowed = count <= self.limit
        return Decision(allowed, self.left(count), None if allowed else (reset - now) / 1000)

    def decrement(self, key: str) -> None:
        """Take the last request back. Not part of the contract; the original offers it.

        It removes every entry of the last second, not one: three requests in a second, one taken
        back, and the set is empty.
        """
        if self.client.zcard(key) > 0:
            now = self.now()
            self.client.zremrangebyscore(key, now - 1000, now)
