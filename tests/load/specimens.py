"""Limiters that a load run must survive, and one that waits for Redis with `await`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import redis
import redis.asyncio

from limiters.contract import Clock, Decision, Quota


def target(factory: type) -> str:
    """How one of these is named where it is given to a load run."""
    return f"{Path(__file__).absolute()}:{factory.__name__}"


class Hanging:
    """Waits for something that never comes."""

    def __init__(self, client: redis.Redis, quota: Quota, clock: Clock) -> None:  # noqa: ARG002
        self._client = client

    def acquire(self, key: str) -> Decision:  # noqa: ARG002
        time.sleep(1000)
        return Decision(True)


class Spinning(Hanging):
    """Never lets go of its process."""

    def acquire(self, key: str) -> Decision:  # noqa: ARG002
        while True:
            pass


class Raising(Hanging):
    """Raises what cannot even be told."""

    class UnspeakableError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no words")

    def acquire(self, key: str) -> Decision:  # noqa: ARG002
        raise self.UnspeakableError


class Unmakeable:
    """Its constructor raises."""

    def __init__(self, client: redis.Redis, quota: Quota, clock: Clock) -> None:  # noqa: ARG002
        raise ValueError(f"a limit of {quota.limit}\nis not for me")

    def acquire(self, key: str) -> Any:
        """Never called."""


class HangingToMake(Hanging):
    """Is never made."""

    def __init__(self, client: redis.Redis, quota: Quota, clock: Clock) -> None:
        time.sleep(1000)
        super().__init__(client, quota, clock)


class Asynchronous:
    """A counter that stops at the limit, with `async def`."""

    def __init__(self, client: redis.asyncio.Redis, quota: Quota, clock: Clock) -> None:  # noqa: ARG002
        self._client, self._quota = client, quota

    async def acquire(self, key: str, cost: int = 1) -> Decision:
        count = int(await self._client.incrby(key, cost))
        if count == cost:
            await self._client.pexpire(key, self._quota.window_ms)
        return Decision(count <= self._quota.limit, max(0, self._quota.limit - count))
