"""Promises: the arrival curve α that a limiter claims.

α(d) is the most that may be admitted in any half-open interval of length d
(Cruz, "A calculus for network delay", 1991; Le Boudec and Thiran, "Network Calculus", 2001).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from limiters.contract import Quota


class Promise(Protocol):
    """An arrival curve with a name."""

    @property
    def kind(self) -> str: ...

    def alpha(self, duration: float) -> float:
        """The most requests that may be admitted in any interval of `duration` seconds."""
        ...


@dataclass(frozen=True, slots=True)
class SlidingWindow:
    """At most `limit` in every interval of `window` seconds: α(d) = L · ⌈d / W⌉."""

    limit: int
    window: float
    kind: ClassVar[str] = "sliding"

    @classmethod
    def of(cls, quota: Quota) -> SlidingWindow:
        return cls(quota.limit, quota.window)

    def alpha(self, duration: float) -> float:
        return float(self.limit * math.ceil(duration / self.window))


@dataclass(frozen=True, slots=True)
class FixedWindow:
    """At most `limit` in each of consecutive windows, whose phase is not known.

    An interval of length d touches at most ⌈d / W⌉ + 1 windows: α(d) = L · (⌈d / W⌉ + 1), so
    2·L may pass within one window's length at an edge.
    """

    limit: int
    window: float
    kind: ClassVar[str] = "fixed"

    @classmethod
    def of(cls, quota: Quota) -> FixedWindow:
        return cls(quota.limit, quota.window)

    def alpha(self, duration: float) -> float:
        return float(self.limit * (math.ceil(duration / self.window) + 1))


@dataclass(frozen=True, slots=True)
class TokenBucket:
    """`burst` at once and `rate` per second after that: α(d) = burst + rate · d."""

    rate: float
    burst: float
    kind: ClassVar[str] = "token"

    @classmethod
    def of(cls, quota: Quota) -> TokenBucket:
        return cls(rate=quota.limit / quota.window, burst=quota.limit)

    def alpha(self, duration: float) -> float:
        return self.burst + self.rate * duration


PromiseOf = Callable[[Quota], Promise]


def promise_of(factory: object, quota: Quota) -> Promise:
    """The promise that a factory declares for this quota; the sliding window when it is silent.

    `factory.promise` is one of the classes of this module, or a callable from Quota to a promise.
    Raises TypeError when it is neither.
    """
    declared: Any = getattr(factory, "promise", SlidingWindow)
    if declared in (SlidingWindow, FixedWindow, TokenBucket):
        declared = declared.of
    if not callable(declared):
        raise TypeError(
            f"promise must be a callable from Quota to a promise, not {declared!r}; "
            "use SlidingWindow, FixedWindow or TokenBucket of limiters.promise"
        )
    promise: Promise = declared(quota)
    if not callable(getattr(promise, "alpha", None)):
        raise TypeError(f"promise({quota}) gave {promise!r}, which has no alpha(duration)")
    return promise
