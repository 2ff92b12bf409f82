"""What a limiter is: the public, stable contract between a limiter and the suite."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

import redis
import redis.asyncio

Clock = Callable[[], float]
"""Seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Quota:
    """`limit` requests per `window` seconds.

    Raises ValueError when the limit is not a whole number of at least 1, or the window
    is not a finite number of seconds above 0.
    """

    limit: int
    window: float

    def __post_init__(self) -> None:
        if isinstance(self.limit, bool) or not isinstance(self.limit, int) or self.limit < 1:
            raise ValueError(f"limit must be a whole number of at least 1, not {self.limit!r}")
        if not isinstance(self.window, int | float) or not (
            math.isfinite(self.window) and self.window > 0
        ):
            raise ValueError(
                f"window must be a finite number of seconds above 0, not {self.window!r}"
            )

    @property
    def window_ms(self) -> int:
        """The window in whole milliseconds, rounded up: a window is never cut short."""
        return math.ceil(round(self.window * 1000, 6))


@dataclass(frozen=True, slots=True)
class Decision:
    """What a limiter answers: whether the request may pass and, where it tells, what is left.

    `remaining` counts requests after this one; `retry_after` is in seconds, None when the
    limiter does not tell (or when no waiting would help).
    """

    allowed: bool
    remaining: int | None = None
    retry_after: float | None = None


class Limiter(Protocol):
    """Decides on requests, one key per client. `cost` may be left out by a limiter."""

    def acquire(self, key: str, cost: int = 1) -> Decision: ...


class AsyncLimiter(Protocol):
    """The same with `async def`; as good as the other."""

    def acquire(self, key: str, cost: int = 1) -> Awaitable[Decision]: ...


Factory = Callable[[redis.Redis, Quota, Clock], Limiter]
"""Makes one limiter for one client connection.

A class with this constructor is a factory too. Three attributes may be set on it:
`promise` (a callable from Quota to a promise, see `limiters.promise`; the sliding window when
absent), `on_outage` ("open" or "closed") and `prepare` (called without arguments when the target
is found: it imports what the limiter needs, or raises `limiters.registry.TargetError`).
"""
AsyncFactory = Callable[[redis.asyncio.Redis, Quota, Clock], AsyncLimiter]
