"""Limiters that would make a careless search lie: pass what is wrong, or accuse what is right."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from typing import Any, ClassVar

import greenlet
import redis.asyncio

from limiters.base import ClientClockLimiter
from limiters.contract import Clock, Decision, Quota
from limiters.promise import FixedWindow

COUNT = """
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return {count, redis.call('PTTL', KEYS[1])}
"""


class Counts(ClientClockLimiter):
    """A fixed window, counted by a script. Right."""

    promise: ClassVar[type[FixedWindow]] = FixedWindow

    def count(self, key: str) -> tuple[int, int]:
        """How many there are now, and after how many milliseconds the window ends."""
        counted: Any = self.client.eval(COUNT, 1, key, self.window)
        return int(counted[0]), int(counted[1])

    def acquire(self, key: str) -> Decision:
        return Decision(self.count(key)[0] <= self.limit)


class RemembersRefusals(Counts):
    """Right; what it refused it refuses without Redis for as long as the window lasts."""

    REFUSED: ClassVar[dict[str, int]] = {}

    def acquire(self, key: str) -> Decision:
        if self.REFUSED.get(key, 0) > self.now():
            return Decision(False)
        count, left = self.count(key)
        if count > self.limit:
            self.REFUSED[key] = self.now() + left
        return Decision(count <= self.limit)


class Registers(Counts):
    """Right; who asks is noted in a hash and in a set before it is counted."""

    def acquire(self, key: str) -> Decision:
        name = uuid.uuid4().hex
        self.client.hset(f"{key}:all", name, "1")
        self.client.sadd(f"{key}:names", name)
        return super().acquire(key)


class Ranks(ClientClockLimiter):
    """Adds and ranks at once: among equal scores the name decides, so whoever is first may win."""

    def acquire(self, key: str) -> Decision:
        name = uuid.uuid4().hex
        with self.client.pipeline() as pipe:
            pipe.zadd(key, {name: self.now()})
            pipe.zrank(key, name)
            rank: Any = pipe.execute()[1]
        return Decision(rank < self.limit)


class DrawsItsWay(ClientClockLimiter):
    """Tosses a coin: GET and SET, or INCR. Only who goes the first way is interrupted."""

    def acquire(self, key: str) -> Decision:
        if random.random() < 0.5:
            count = int(self.client.get(key) or 0)
            if count < self.limit:
                self.client.set(key, count + 1)
            return Decision(count < self.limit)
        counted: Any = self.client.incr(key)
        return Decision(counted <= self.limit)


class FailsOpenOnAnything(ClientClockLimiter):
    """Waits a little, counts, and admits on whatever goes wrong. Right at one instant."""

    def acquire(self, key: str) -> Decision:
        try:
            time.sleep(0.001)
            count: Any = self.client.incr(key)
            return Decision(count <= self.limit)
        except:  # noqa: E722 - what it is about
            return Decision(True)


class CannotBeEnded(ClientClockLimiter):
    """Tries again whatever comes, even what would end it."""

    def acquire(self, key: str) -> Decision:
        while True:
            try:
                count: Any = self.client.incr(key)
                return Decision(count <= self.limit)
            except BaseException:  # noqa: BLE001, S112 - what it is about
                continue


class ForgetsAtTimes(Counts):
    """Throws its key away once in forty requests. With the numbers of most seeds it never does."""

    def acquire(self, key: str) -> Decision:
        if random.random() < 1 / 40:
            self.client.delete(key)
        return super().acquire(key)


class AsyncCounts:
    """A fixed window, counted by INCR and PEXPIRE in one transaction. Right."""

    promise: ClassVar[type[FixedWindow]] = FixedWindow

    def __init__(self, client: redis.asyncio.Redis, quota: Quota, _clock: Clock) -> None:
        self.client, self.quota = client, quota

    async def count(self, key: str) -> int:
        async with self.client.pipeline() as pipe:
            pipe.incr(key)
            pipe.pexpire(key, self.quota.window_ms, nx=True)
            counted: Any = await pipe.execute()
        return int(counted[0])

    async def acquire(self, key: str) -> Decision:
        return Decision(await self.count(key) <= self.quota.limit)


class OneTaskAtATime(AsyncCounts):
    """Waits for each task before the next begins, in every way. Right."""

    async def acquire(self, key: str) -> Decision:
        await asyncio.wait_for(self.client.get(key), 1.0)
        await asyncio.gather(self.client.get(key))
        await asyncio.create_task(self.client.get(key))  # type: ignore[arg-type]
        return await asyncio.shield(super().acquire(key))


class Gathers(AsyncCounts):
    """Notes who asks while it counts. Right in every order; only one is tried."""

    async def acquire(self, key: str) -> Decision:
        _, count = await asyncio.gather(self.client.incr(f"{key}:asked"), self.count(key))
        return Decision(count <= self.quota.limit)


class GathersAndRaces(AsyncCounts):
    """Reads two counters side by side, then writes. Wrong in the order that is tried, too."""

    async def acquire(self, key: str) -> Decision:
        told: Any = await asyncio.gather(self.client.get(key), self.client.get(f"{key}:other"))
        count = sum(int(one or 0) for one in told)
        if count < self.quota.limit:
            await self.client.set(key, count + 1)
        return Decision(count < self.quota.limit)


class LeavesATask(AsyncCounts):
    """Notes who asked when the answer is given already, or never."""

    async def acquire(self, key: str) -> Decision:
        decision = await super().acquire(key)
        self.left = asyncio.ensure_future(self.client.incr(f"{key}:asked"))
        return decision


class SleepsBeside(AsyncCounts):
    """Asks again after a while, whether or not the first answer is there. Right all the same."""

    async def acquire(self, key: str) -> Decision:
        task = asyncio.create_task(self.count(key))
        await asyncio.sleep(0.001)
        await self.client.get(key)
        return Decision(await task <= self.quota.limit)


class WaitsWithPatience(AsyncCounts):
    """Counts in a task, and gives up when that takes too long. Right."""

    async def acquire(self, key: str) -> Decision:
        task = asyncio.create_task(self.count(key))
        done, _ = await asyncio.wait([task], timeout=5.0)
        return Decision(bool(done) and task.result() <= self.quota.limit)


class CountsFields(ClientClockLimiter):
    """Each request is a field of a hash, and ends by itself. Right, but refusals count as well."""

    def acquire(self, key: str) -> Decision:
        name = uuid.uuid4().hex
        with self.client.pipeline() as pipe:
            pipe.hset(key, name, "1")
            pipe.hpexpire(key, self.window, name)
            pipe.hkeys(key)
            told: Any = pipe.execute()[2]
        return Decision(len(told) <= self.limit)


class ForgetsIdleKeys(Counts):
    """Throws its key away when nobody has used it for a while: what no state of the keys tells."""

    def acquire(self, key: str) -> Decision:
        idle: Any = self.client.object("idletime", key)
        if idle is not None and idle > 10:
            self.client.delete(key)
        return super().acquire(key)


class RaisesGreenletExit(ClientClockLimiter):
    """What ends a simulated client, raised by the limiter itself."""

    def acquire(self, key: str) -> Decision:
        self.client.get(key)
        raise greenlet.GreenletExit


class DrawsByUuid(Counts):
    """One in twenty requests is not counted, as its name falls; else it is right."""

    def acquire(self, key: str) -> Decision:
        return super().acquire(f"{key}:b" if uuid.uuid4().int % 20 == 0 else key)


class SleepsForLess(ClientClockLimiter):
    """Sleeps as long as a key that is not there is still kept: -2 ms."""

    def acquire(self, key: str) -> Decision:
        left: Any = self.client.pttl(f"{key}:gone")
        time.sleep(left / 1_000)
        return Decision(allowed=True)


class SleepsForAges(ClientClockLimiter):
    """Longer than time.sleep takes."""

    def acquire(self, key: str) -> Decision:
        self.client.get(key)
        time.sleep(1e12)
        return Decision(allowed=True)


class TakesForEver(ClientClockLimiter):
    """The first request ever is admitted, and no other."""

    def acquire(self, key: str) -> Decision:
        before: Any = self.client.getset(key, 1)
        return Decision(before is None)
