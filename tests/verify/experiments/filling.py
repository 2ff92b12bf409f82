"""State that fills up slowly to a bound, and what looks the same for a while and has none."""

from __future__ import annotations

from typing import ClassVar

import redis

from limiters.contract import Clock, Decision, Quota
from tests.verify.experiments.awkward import _Log

EACH = "redis.call('LPUSH', KEYS[1], ARGV[3])"
ADMITTED = f"if ARGV[2] ~= '0' then {EACH} end"
KEPT = "redis.call('PEXPIRE', KEYS[1], {} * ARGV[1])"


class _Beside(_Log):
    """A log of admissions, and beside it what another script keeps as long as somebody comes.

    beside: KEYS[1] is kept for `windows` of ARGV[1] ms; ARGV[2] is the limit, and 0 when it was
    refused.
    """

    beside: ClassVar[str]
    windows: ClassVar[float] = 3

    def __init__(self, client: redis.Redis, quota: Quota, clock: Clock) -> None:
        super().__init__(client, quota, clock)
        self.keep = client.register_script(f"{self.beside} {KEPT.format(self.windows)}")

    def acquire(self, key: str) -> Decision:
        decision = super().acquire(key)
        limit = self.quota.limit if decision.allowed else 0
        self.keep([self.where(key)], [self.quota.window_ms, limit, f"{self.name}{self.number}"])
        return decision

    def where(self, key: str) -> str:
        """Where it is kept."""
        return f"{key}:beside"


class CountsBySeconds(_Beside):
    """Sixty counters."""

    beside = "redis.call('HINCRBY', KEYS[1], 'the second ' .. redis.call('TIME')[1] % 60, 1)"


class LastHundred(_Beside):
    """The last hundred admissions."""

    beside = f"{ADMITTED} redis.call('LTRIM', KEYS[1], 0, 99)"


class LastHundredRequests(_Beside):
    """The last hundred requests, also refused ones."""

    beside = f"{EACH} redis.call('LTRIM', KEYS[1], 0, 99)"


class LastThousandRequests(_Beside):
    beside = f"{EACH} redis.call('LTRIM', KEYS[1], 0, 999)"


class CountsTheDistinct(_Beside):
    """A HyperLogLog of all requests."""

    beside = "redis.call('PFADD', KEYS[1], ARGV[3])"


class CountsByTheHour(_Beside):
    """A counter for each hour of the day, put off for a day."""

    beside = """
        local hour = math.floor(redis.call('TIME')[1] / 3600) % 24
        redis.call('HINCRBY', KEYS[1], 'hour ' .. hour, 1)
    """

    def acquire(self, key: str) -> Decision:
        decision = super().acquire(key)
        self.client.expire(self.where(key), 86_000)
        return decision


class LastClients(_Beside):
    """All clients, but no more than the last three hundred."""

    beside = f"{ADMITTED} redis.call('LTRIM', KEYS[1], 0, 299)"

    def where(self, key: str) -> str:
        return f"{key.rstrip('0123456789')}all"


class EveryClient(LastClients):
    """memory: all clients for ever, as long as somebody comes."""

    beside = ADMITTED


class EveryRefusedClient(LastClients):
    """memory: all clients that were ever refused."""

    beside = f"if ARGV[2] == '0' then {EACH} end"


class EachHundredth(_Beside):
    """memory: one of a hundred admissions is never forgotten, as long as somebody comes."""

    beside = """
        if ARGV[2] ~= '0' and redis.call('HINCRBY', KEYS[1], 'n', 1) % 100 == 0 then
          redis.call('HSET', KEYS[1], ARGV[3], 1)
        end
    """


class EachHundredthInHaste(EachHundredth):
    """memory: the same, and a pause of little more than a window ends it."""

    windows = 1.2


class OneString(_Beside):
    """memory: each admission is appended to one string, which Redis makes twice as long at once."""

    beside = "if ARGV[2] ~= '0' then redis.call('APPEND', KEYS[1], ARGV[3] .. ',') end"


class EndOfOneString(_Beside):
    """The last two thousand bytes at most."""

    beside = """
        if redis.call('APPEND', KEYS[1], ARGV[3] .. ',') > 2000 then redis.call('DEL', KEYS[1]) end
    """
