"""What the specimens are made of."""

from __future__ import annotations

from typing import Any, ClassVar

import redis
import redis.asyncio

from limiters.base import nonce
from limiters.contract import Clock, Decision, Quota
from limiters.promise import FixedWindow as FixedWindowPromise


class ServerLimiter:
    """Keeps client and quota; the window in whole milliseconds."""

    def __init__(self, client: redis.Redis, quota: Quota, clock: Clock) -> None:  # noqa: ARG002
        self.client: Any = client
        self.limit, self.window = quota.limit, quota.window_ms


class Counter(ServerLimiter):
    """A counter of a fixed window in a script, which keeps what it promises."""

    promise: ClassVar[type[FixedWindowPromise]] = FixedWindowPromise
    script: ClassVar[str] = """
        local count = redis.call('INCR', KEYS[1])
        if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
        return count
    """

    def acquire(self, key: str) -> Decision:
        count = self.client.eval(self.script, 1, key, self.window)
        return Decision(count <= self.limit, max(0, self.limit - count))


class Asynchronous:
    """Right, with `async def`: the log in a script, a request sent again debited once."""

    script: ClassVar[str] = """
        local time = redis.call('TIME')
        local now = time[1] * 1000000 + time[2]
        redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - ARGV[2]))
        if redis.call('ZSCORE', KEYS[1], ARGV[3]) then return 1 end
        if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[1]) then return 0 end
        redis.call('ZADD', KEYS[1], string.format('%.0f', now), ARGV[3])
        redis.call('PEXPIREAT', KEYS[1], math.ceil((now + ARGV[2]) / 1000))
        return 1
    """

    def __init__(self, client: redis.asyncio.Redis, quota: Quota, clock: Clock) -> None:  # noqa: ARG002
        self._script = client.register_script(self.script)
        self._limit, self._window = quota.limit, quota.window_ms * 1000

    async def acquire(self, key: str) -> Decision:
        reply = await self._script(keys=[key], args=[self._limit, self._window, nonce()])
        return Decision(bool(reply))
