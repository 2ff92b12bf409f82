"""Limiters that leave something to do when they have answered, like an UNWATCH. All are right."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import redis

from limiters.base import ClientClockLimiter, sent_once
from limiters.contract import Clock, Decision, Quota


class KeepsItsPipeline(ClientClockLimiter):
    """One pipeline for its life: as it is deleted, it sends the UNWATCH that a refusal left out."""

    def __init__(self, client: redis.Redis, quota: Quota, clock: Clock) -> None:
        super().__init__(client, quota, clock)
        self.pipe: Any = sent_once(client).pipeline()

    def acquire(self, key: str) -> Decision:
        while True:
            self.pipe.watch(key)
            count = int(self.pipe.get(key) or 0)
            if count >= self.limit:
                return Decision(False)
            self.pipe.multi()
            self.pipe.set(key, count + 1, px=self.window)
            try:
                self.pipe.execute()
            except redis.WatchError:
                continue
            return Decision(True)


class HoldsItself(KeepsItsPipeline):
    """Nothing deletes it but a garbage collection, whenever that comes."""

    def __init__(self, client: redis.Redis, quota: Quota, clock: Clock) -> None:
        super().__init__(client, quota, clock)
        self.again: Callable[[str], Decision] = self.acquire


class KeepsItsConnection(ClientClockLimiter):
    """Says WATCH, MULTI and EXEC itself, and nothing at all when it refuses."""

    def __init__(self, client: redis.Redis, quota: Quota, clock: Clock) -> None:
        super().__init__(client, quota, clock)
        self.own: Any = sent_once(client).client()  # type: ignore[no-untyped-call]

    def acquire(self, key: str) -> Decision:
        while True:
            self.own.execute_command("WATCH", key)
            count = int(self.own.get(key) or 0)
            if count >= self.limit:
                return Decision(False)
            self.own.execute_command("MULTI")
            self.own.execute_command("SET", key, count + 1, "PX", self.window)
            if self.own.execute_command("EXEC") is not None:
                return Decision(True)


class TidiesUp(ClientClockLimiter):
    """Sends as it is deleted, which is when its process ends: never seen by anybody."""

    def __init__(self, client: redis.Redis, quota: Quota, clock: Clock) -> None:
        super().__init__(sent_once(client), quota, clock)

    def acquire(self, key: str) -> Decision:
        count: Any = self.client.incr(key)
        return Decision(count <= self.limit)

    def __del__(self) -> None:
        with suppress(redis.RedisError):
            self.client.delete("k")
