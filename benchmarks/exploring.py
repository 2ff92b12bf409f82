"""How fast a search is: `python -m benchmarks.exploring`.

Complete searches beside the seconds that they may take, and runs a second from an empty server to
their end (stateless), all through unmodified redis-py on the real server.
"""

from __future__ import annotations

import random
import time

import redis

from limiters.base import ClientClockLimiter, UniqueMembers
from limiters.contract import Clock, Decision, Quota
from limiters.registry import resolve
from limitproof.simulate.explore import explore
from limitproof.simulate.world import Cast, open_world

STATELESS_SECONDS = 2.0
COMPLETE = (
    ("get_set_json", 8, 4, 10.0),
    ("benchmarks.exploring:CountThenAdd", 6, 2, 10.0),
    ("lua_atomic", 8, 4, 5.0),
)
"""Limiter, clients, limit, and the most seconds it may take, start of Redis included."""


class CountThenAdd(ClientClockLimiter):
    """ZCARD, then ZADD: four round trips, unique members."""

    def __init__(self, client: redis.Redis, quota: Quota, clock: Clock) -> None:
        super().__init__(client, quota, clock)
        self._members = UniqueMembers()

    def acquire(self, key: str) -> Decision:
        now = self.now()
        self.client.zremrangebyscore(key, 0, now - self.window)
        if self.client.zcard(key) >= self.limit:
            return Decision(False)
        self.client.zadd(key, {self._members.name(now): now})
        self.client.pexpire(key, self.window)
        return Decision(True)


def stateless() -> float:
    """Runs a second of four clients of get_set_json, limit 1, choices at random."""
    source = random.Random(0)
    with open_world(Cast(resolve("get_set_json"), Quota(1, 1.0), 4)) as world:
        begun, runs = time.perf_counter(), 0
        while (spent := time.perf_counter() - begun) < STATELESS_SECONDS:
            world.trace(source.choice)
            runs += 1
    return runs / spent


def main() -> None:
    for target, clients, limit, most in COMPLETE:
        found = explore(Cast(resolve(target), Quota(limit, 1.0), clients), 60.0, lambda _: None)
        print(
            f"{target}, {clients} clients, limit {limit}: {found.seconds:.2f} s (at most {most:g})"
            f", {found.coverage.sentence}"
        )
    print(f"stateless: {stateless():,.0f} schedules a second (at least 1,500)")


if __name__ == "__main__":
    main()
