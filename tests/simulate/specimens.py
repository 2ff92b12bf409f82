"""Limiters that a deterministic world has to cope with, or to refuse."""

from __future__ import annotations

import asyncio
import random
import socket
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from typing import Any

import redis
import redis.asyncio

from limiters.base import ClientClockLimiter, UniqueMembers
from limiters.contract import Clock, Decision, Quota
from limiters.promise import TokenBucket

RUNS = count()


class CountThenAdd(ClientClockLimiter):
    """Four round trips: prune, count, add, expire."""

    def __init__(self, client: redis.Redis, quota: Quota, clock: Clock) -> None:
        super().__init__(client, quota, clock)
        self._members = UniqueMembers()

    def acquire(self, key: str) -> Decision:
        now = self.now()
        self.client.zremrangebyscore(key, 0, now - self.window)
        if int(self.client.zcard(key)) >= self.limit:
            return Decision(False)
        self.client.zadd(key, {self._members.name(now): now})
        self.client.pexpire(key, self.window)
        return Decision(True)


class AsyncCountThenAdd:
    """The same with `async def`, on the clock that it is given."""

    def __init__(self, client: redis.asyncio.Redis, quota: Quota, clock: Clock) -> None:
        self._client, self._quota, self._clock = client, quota, clock
        self._members = UniqueMembers()

    async def acquire(self, key: str) -> Decision:
        now = self._clock()
        await self._client.zremrangebyscore(key, 0, now - self._quota.window)
        if await self._client.zcard(key) >= self._quota.limit:
            return Decision(False)
        await self._client.zadd(key, {self._members.name(int(now)): now})
        return Decision(True)


class AsyncSleeps(AsyncCountThenAdd):
    async def acquire(self, key: str) -> Decision:
        await self._client.get(key)
        await asyncio.sleep(0.01)
        return Decision(True)


class Watching(ClientClockLimiter):
    """Optimistic: WATCH, read, MULTI; refused after three lost races. Right."""

    TRIES, PAUSE = 3, 0.0  # seconds, after each that it has lost

    def acquire(self, key: str) -> Decision:
        with self.client.pipeline() as pipe:
            for _ in range(self.TRIES):
                pipe.watch(key)  # type: ignore[no-untyped-call]
                count = int(pipe.get(key) or 0)
                if count >= self.limit:
                    return Decision(False)
                pipe.multi()
                pipe.set(key, count + 1, px=self.window)
                try:
                    pipe.execute()
                except redis.WatchError:
                    if self.PAUSE:
                        time.sleep(self.PAUSE)
                    continue
                return Decision(True)
        return Decision(False)


class ReadsClocks(ClientClockLimiter):
    """Ignores the clock that it is given, and asks the process in every way."""

    def acquire(self, key: str) -> Decision:
        told = f"{time.time()} {time.time_ns()} {time.monotonic()} {datetime.now(UTC).timestamp()}"
        self.client.set(key, told)
        return Decision(True)


class Sleeps(ClientClockLimiter):
    def acquire(self, key: str) -> Decision:
        self.client.get(key)
        time.sleep(0.01)
        return Decision(True)


class Blocks(ClientClockLimiter):
    def acquire(self, key: str) -> Decision:
        return Decision(self.client.blpop([key], timeout=0) is not None)


class TurnsRepliesOff(ClientClockLimiter):
    def acquire(self, key: str) -> Decision:
        self.client.client_reply("OFF")
        return Decision(self.client.get(key) is None)


class CopiesAway(ClientClockLimiter):
    """Counts in a database that nobody looks at."""

    def acquire(self, key: str) -> Decision:
        count: Any = self.client.incr(key)
        self.client.copy(key, key, destination_db="1", replace=True)
        return Decision(count <= self.limit)


class BlocksLater(ClientClockLimiter):
    """Right at the first instant; later it waits."""

    def acquire(self, key: str) -> Decision:
        if self.now() % 1000:
            self.client.blpop([key], timeout=0)
        count: Any = self.client.incr(key)
        return Decision(count <= self.limit)


class OwnConnection(ClientClockLimiter):
    def acquire(self, key: str) -> Decision:
        return Decision(redis.Redis(port=1).get(key) is None)


class OwnSocket(ClientClockLimiter):
    def acquire(self, key: str) -> Decision:
        with socket.socket(socket.AF_UNIX) as own:
            own.connect(self.client.connection_pool.connection_kwargs["path"])
            own.sendall(b"INCR %b\r\n" % key.encode())
            return Decision(int(own.recv(100)[1:]) <= self.limit)


class OwnSocketInAThread(ClientClockLimiter):
    """Right, and asks somebody else besides, where no exception reaches it."""

    def acquire(self, key: str) -> Decision:
        def ask() -> None:
            with suppress(BaseException), socket.socket() as own:
                own.connect(("127.0.0.1", 9))

        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
        count: Any = self.client.incr(key)
        return Decision(count <= self.limit)


class TellsSyslog(ClientClockLimiter):
    """Right; and says what it does to somebody who does not answer."""

    def acquire(self, key: str) -> Decision:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
            own.connect(("127.0.0.1", 9))
        count: Any = self.client.incr(key)
        return Decision(count <= self.limit)


class OwnThread(ClientClockLimiter):
    def acquire(self, key: str) -> Decision:
        thread = threading.Thread(target=self._ask, args=(key,))
        thread.start()
        thread.join()
        return Decision(True)

    def _ask(self, key: str) -> None:
        try:
            self.client.get(key)
        except BaseException as error:  # noqa: BLE001 - it must not print into the tests
            self.trouble = error


class Endless(ClientClockLimiter):
    def acquire(self, key: str) -> Decision:
        while self.client.get(key) is None:
            pass
        return Decision(True)


class Spins(ClientClockLimiter):
    def acquire(self, key: str) -> Decision:
        self.client.get(key)
        while self.clock():
            pass
        return Decision(True)


class PromisesMuch(ClientClockLimiter):
    """Admits everything, and says so: a bucket of a hundred."""

    @staticmethod
    def promise(_quota: Quota) -> TokenBucket:
        return TokenBucket(rate=1.0, burst=100.0)

    def acquire(self, key: str) -> Decision:
        self.client.get(key)
        return Decision(True)


class DrawsLate(ClientClockLimiter):
    """Draws a random number only when somebody else has come between its two commands."""

    def acquire(self, key: str) -> Decision:
        mine: Any = self.client.incr(key)
        now: Any = self.client.incr(key)
        if now != mine + 1:
            random.random()
        return Decision(mine == 1)


class Different(ClientClockLimiter):
    """Sends something else in every run."""

    def acquire(self, key: str) -> Decision:
        self.client.set(key, next(RUNS))
        return Decision(True)


class Raises(ClientClockLimiter):
    def acquire(self, key: str) -> Decision:
        count: Any = self.client.incr(key)
        if count > self.limit:
            raise RuntimeError("no place left")
        return Decision(True)


class CannotBeMade:
    def __init__(self, *_: object) -> None:
        raise RuntimeError("no such service")

    def acquire(self, key: str) -> Decision:
        raise AssertionError(key)


class WatchesUntilDone(ClientClockLimiter):
    """Optimistic: WATCH, read, MULTI, as often as it takes to commit. Right."""

    def acquire(self, key: str) -> Decision:
        with self.client.pipeline() as pipe:
            while True:
                pipe.watch(key)  # type: ignore[no-untyped-call]
                count = int(pipe.get(key) or 0)
                if count >= self.limit:
                    return Decision(False)
                pipe.multi()
                pipe.set(key, count + 1, px=self.window)
                try:
                    pipe.execute()
                except redis.WatchError:
                    continue
                return Decision(True)


class WatchesTooLate(ClientClockLimiter):
    """Reads before it watches: what came in between goes unnoticed."""

    def acquire(self, key: str) -> Decision:
        with self.client.pipeline() as pipe:
            while True:
                count = int(self.client.get(key) or 0)
                if count >= self.limit:
                    return Decision(False)
                pipe.watch(key)  # type: ignore[no-untyped-call]
                pipe.multi()
                pipe.set(key, count + 1, px=self.window)
                try:
                    pipe.execute()
                except redis.WatchError:
                    continue
                return Decision(True)


class QueuesByHand(ClientClockLimiter):
    """MULTI, a write and EXEC as three round trips of one connection. Right."""

    def acquire(self, key: str) -> Decision:
        with self.client.pipeline() as untyped:
            pipe: Any = untyped
            pipe.watch(f"{key}:unused")
            pipe.immediate_execute_command("MULTI")
            pipe.immediate_execute_command("INCR", key)
            (count,) = pipe.immediate_execute_command("EXEC")
        return Decision(int(count) <= self.limit)


class WritesASideKey(ClientClockLimiter):
    """A script that declares no key takes a place, and what another command reads is that key."""

    def acquire(self, key: str) -> Decision:
        taken = int(self.client.get(f"{key}:taken") or 0)
        self.client.eval(f"return redis.call('INCR', '{key}:taken')", 0)
        return Decision(taken < self.limit)


class DrawsFromTheServer(ClientClockLimiter):
    """Admits by what SPOP gives it."""

    def acquire(self, key: str) -> Decision:
        self.client.sadd(key, *range(100))
        drawn: Any = self.client.spop(key)
        return Decision(int(drawn) % 2 == 0)
