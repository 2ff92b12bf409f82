"""What is kept for ever, or by the traffic."""

from __future__ import annotations

import redis
import redis.asyncio

from limiters.base import ClientClockLimiter, UniqueMembers
from limiters.contract import Clock, Decision, Quota
from tests.verify.experiments.specimens.base import Counter


class KeepsAMidnight(Counter):
    """memory: whoever comes in the first hour of a day is counted for ever."""

    script = """
        local now = tonumber(redis.call('TIME')[1])
        if now % 86400 < 3600 then
          redis.call('INCR', 'midnight:' .. math.floor(now / 86400))
        end
        local count = redis.call('INCR', KEYS[1])
        if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
        return count
    """


class LogsEveryTwentieth(Counter):
    """memory: each twentieth admission is written down, and kept as long as somebody comes."""

    script = """
        local count = redis.call('INCR', KEYS[1])
        if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
        if count > tonumber(ARGV[2]) then return 0 end
        local log = KEYS[1] .. ':log'
        if redis.call('HINCRBY', log, 'n', 1) % 20 == 0 then
          redis.call('HSET', log, redis.call('TIME')[1] .. count, 1)
        end
        redis.call('PEXPIRE', log, 3 * ARGV[1])
        return 1
    """

    def acquire(self, key: str) -> Decision:
        return Decision(bool(self.client.eval(self.script, 1, key, self.window, self.limit)))


class LogsAfterPauses(LogsEveryTwentieth):
    """memory: who comes after a window of rest is written down, and kept for three more."""

    script = """
        local count = redis.call('INCR', KEYS[1])
        local log = KEYS[1] .. ':log'
        if count == 1 then
          redis.call('PEXPIRE', KEYS[1], ARGV[1])
          redis.call('RPUSH', log, redis.call('TIME')[1])
          redis.call('PEXPIRE', log, 3 * ARGV[1])
        end
        return count <= tonumber(ARGV[2]) and 1 or 0
    """


class LogsRefused(ClientClockLimiter):
    """memory: a list of all requests, also of the refused ones, as long as they come."""

    def __init__(self, client: redis.Redis, quota: Quota, clock: Clock) -> None:
        super().__init__(client, quota, clock)
        self._members = UniqueMembers()

    def acquire(self, key: str) -> Decision:
        now = self.now()
        pipe = self.client.pipeline(transaction=True)
        pipe.zremrangebyscore(key, 0, now - self.window)
        pipe.zadd(key, {self._members.name(now): now})
        pipe.zcard(key)
        pipe.pexpire(key, self.window)
        _, _, count, _ = pipe.execute()
        return Decision(count <= self.limit)


class Immortal(Counter):
    """expiry, memory: the window is in the name, and nothing ever ends."""

    script = "return redis.call('INCR', KEYS[1])"

    def acquire(self, key: str) -> Decision:
        seconds, microseconds = self.client.time()
        window = (seconds * 1000 + microseconds // 1000) // self.window
        count = self.client.eval(self.script, 1, f"{key}:{window}")
        return Decision(count <= self.limit)
