"""Limiters that hold a key from one command to another: by a lock, or by watching it."""

from __future__ import annotations

import threading
import time
import uuid
from contextlib import suppress
from typing import Any, ClassVar

import redis
import redis.asyncio

from limiters.base import ClientClockLimiter
from limiters.contract import Clock, Decision, Quota
from limiters.promise import FixedWindow


class WatchesAndNames(ClientClockLimiter):
    """Optimistic; every try adds a member that it names anew. Right."""

    def acquire(self, key: str) -> Decision:
        with self.client.pipeline() as pipe:
            while True:
                pipe.watch(key)  # type: ignore[no-untyped-call]
                count: Any = pipe.zcard(key)
                name = uuid.uuid4().hex
                pipe.multi()
                if count < self.limit:
                    pipe.zadd(key, {name: self.now()})
                    pipe.pexpire(key, self.window)
                try:
                    pipe.execute()
                except redis.WatchError:
                    continue
                return Decision(bool(count < self.limit))


class LocksAndSleeps(ClientClockLimiter):
    """A lock, and a fixed window behind it; who finds it taken waits a little, and gives up."""

    promise: ClassVar[type[FixedWindow]] = FixedWindow

    def acquire(self, key: str) -> Decision:
        for _ in range(2):
            if self.client.set(f"{key}:lock", 1, nx=True, px=self.window):
                count = int(self.client.get(key) or 0)
                if count < self.limit:
                    self.client.set(key, count + 1, px=self.window)
                self.client.delete(f"{key}:lock")
                return Decision(count < self.limit)
            time.sleep(0.01)
        return Decision(False)


class WatchesOnlyWhatIsThere(ClientClockLimiter):
    """Commits against the window that it has read, or begins one without looking again.

    Right at one instant. Let two windows be over at once: both begin one.
    """

    def acquire(self, key: str) -> Decision:
        with self.client.pipeline() as pipe:
            while True:
                pipe.watch(key)  # type: ignore[no-untyped-call]
                count = int(pipe.get(key) or 0)
                if count >= self.limit:
                    left: Any = pipe.pttl(key)
                    if left > 0:
                        return Decision(False)
                    pipe.unwatch()
                    self.client.set(key, 1, px=self.window)
                    return Decision(True)
                pipe.multi()
                pipe.set(key, count + 1, px=self.window)
                try:
                    pipe.execute()
                except redis.WatchError:
                    continue
                return Decision(True)


class GivesBack(ClientClockLimiter):
    """Counts who is inside, and gives that back in a `finally`, also as it is ended. Right."""

    promise: ClassVar[type[FixedWindow]] = FixedWindow

    def acquire(self, key: str) -> Decision:
        self.client.incr(f"{key}:inside")
        try:
            return Decision(int(self.client.incr(key)) <= self.limit)
        finally:
            self.client.decr(f"{key}:inside")


class AsyncGivesBack:
    """The same with `async def`."""

    promise: ClassVar[type[FixedWindow]] = FixedWindow

    def __init__(self, client: redis.asyncio.Redis, quota: Quota, _clock: Clock) -> None:
        self.client, self.limit = client, quota.limit

    async def acquire(self, key: str) -> Decision:
        await self.client.incr(f"{key}:inside")
        try:
            return Decision(int(await self.client.incr(key)) <= self.limit)
        finally:
            await self.client.decr(f"{key}:inside")


class GoesOn(ClientClockLimiter):
    """Asks for ever, whatever is raised."""

    def acquire(self, key: str) -> Decision:
        while True:
            with suppress(BaseException):
                self.client.get(key)


class HangsThenGoesOn(GoesOn):
    """Waits for ever; and when it is ended there, it asks for ever."""

    def acquire(self, key: str) -> Decision:
        with suppress(BaseException):
            threading.Event().wait()
        return super().acquire(key)
