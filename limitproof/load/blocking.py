"""Limiters with `async def` among clients that block."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable
from typing import TypeVar

from limiters.contract import AsyncLimiter, Decision

T = TypeVar("T")


class EventLoop:
    """An asyncio loop in a thread of its own, shared by all clients of a process.

    Under Locust the thread is a greenlet and the loop's selector a cooperative one, so that
    coroutines and blocking clients share the process like any other greenlets.
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread: threading.Thread | None = None

    def run(self, awaitable: Awaitable[T]) -> T:
        """What the awaitable gives; raises what it raises."""

        async def wait() -> T:
            return await awaitable

        if self._thread is None:
            # Set before it is started: that lets other clients of the process go on, and two
            # loops cannot run in one.
            self._thread = threading.Thread(
                target=self._loop.run_forever, name="asyncio", daemon=True
            )
            self._thread.start()
        return asyncio.run_coroutine_threadsafe(wait(), self._loop).result()


class Blocking:
    """An `async def` limiter with a plain `acquire`."""

    def __init__(self, limiter: AsyncLimiter, loop: EventLoop) -> None:
        self._limiter, self._loop = limiter, loop

    def acquire(self, key: str, *cost: int) -> Decision:
        return self._loop.run(self._limiter.acquire(key, *cost))
