"""Decide on the client, and commit only if nobody came between: WATCH, MULTI, EXEC."""

from __future__ import annotations

from typing import Any

import redis
from redis.exceptions import WatchError

from limiters.base import nonce, whole_cost, window_microseconds
from limiters.contract import Clock, Decision, Quota


class WatchMulti:
    """Exact sliding window log without Lua, on the server's clock in microseconds.

    Between WATCH and EXEC the client reads the log and the time and decides; EXEC does nothing
    when the key has changed since WATCH, and the client begins anew. Refusals are committed too
    (with nothing in the transaction): a refusal on a log that has changed could tell the rest of
    another moment.

    Every try that fails means that another client was admitted (only admissions write), so that
    tries end when the window is full. Instants do not decrease in the order of commits: a client
    reads the time after WATCH, hence after every commit that it can see.

    A lost reply to EXEC is a WatchError in redis-py: the client begins anew, finds its own entry,
    and adds nothing. Entries are named as in lua_atomic.lua.
    """

    def __init__(self, client: redis.Redis, quota: Quota, clock: Clock) -> None:  # noqa: ARG002
        self.client = client
        self.limit = quota.limit
        self.window = window_microseconds(quota)

    def acquire(self, key: str, cost: int = 1) -> Decision:
        """Take `cost` requests at once, all or nothing; four round trips a try.

        A cost above the limit is refused for ever: retry_after is None. Raises ValueError when
        the cost is not a whole number of at least 1.
        """
        name = nonce()
        members = [f"{number}:{name}" for number in range(min(whole_cost(cost), self.limit))]
        while True:
            try:
                return self._attempt(key, cost, members)
            except WatchError:
                continue

    def _attempt(self, key: str, cost: int, members: list[str]) -> Decision:
        """One try. Raises WatchError when the key has changed meanwhile."""
        pipe: Any  # watch() has no types
        with self.client.pipeline() as pipe:
            pipe.watch(key)
            log = pipe.zrange(key, 0, -1, withscores=True)
            seconds, microseconds = pipe.time()
            now = seconds * 1_000_000 + microseconds
            recent = [(name, int(score)) for name, score in log if score > now - self.window]
            remaining = max(0, self.limit - len(recent))
            mine = any(_text(name) == members[0] for name, _ in recent)
            admitted = cost <= remaining and not mine

            pipe.multi()
            if admitted:
                pipe.zremrangebyscore(key, "-inf", now - self.window)
                pipe.zadd(key, dict.fromkeys(members, now))
                newest = max([now, *(instant for _, instant in recent)])
                pipe.pexpireat(key, -(-(newest + self.window) // 1000))
            pipe.execute()
        if admitted:
            return Decision(True, remaining - cost)
        if mine or cost > self.limit:
            return Decision(mine, remaining)
        # Room is made when all but limit - cost entries have left.
        _, last = recent[len(recent) + cost - self.limit - 1]
        return Decision(False, remaining, (last + self.window - now) / 1_000_000)


def _text(name: bytes | str) -> str:
    """A member as text, also of a client that does not decode."""
    return name.decode() if isinstance(name, bytes) else name
