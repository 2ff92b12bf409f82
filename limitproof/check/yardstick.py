"""The measure of a promise in whole nanoseconds, and the tolerance at a window's edge."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from limiters.promise import FixedWindow, Promise, SlidingWindow, TokenBucket
from limitproof.history.meta import NANOSECONDS, Meta

TOLERANCE = 1_000_000
"""ns: the resolution of a limiter's clock. Floored to whole milliseconds, two admissions
W − 0.999 ms apart look W apart, so nothing closer than this to an edge is held against it."""


@dataclass(frozen=True, slots=True)
class Yardstick:
    """What a promise allows: `limit` units per `window` ns, in the manner that `kind` says.

    kind is "sliding", "fixed" or "token"; a token bucket has `limit` = its burst in whole units,
    `window` = the time that fills it, and `rate` in units per ns (else None). `strict` is the
    window of certain counts and `loose` that of possible ones, a tolerance below and above.
    """

    kind: str
    limit: int
    window: int
    rate: float | None = None
    burst: float = 0.0

    @classmethod
    def of(cls, promise: Promise) -> Yardstick:
        """Raises ValueError for a promise that is none of the three kinds."""
        match promise:
            case SlidingWindow(limit, window) | FixedWindow(limit, window):
                return cls(promise.kind, limit, nanoseconds(window))
            case TokenBucket(rate, burst):
                return cls(
                    promise.kind,
                    math.floor(burst),
                    nanoseconds(burst / rate),
                    rate / NANOSECONDS,
                    burst,
                )
        raise ValueError(f"no yardstick for the promise {promise!r}")

    @property
    def strict(self) -> int:
        return max(self.window - TOLERANCE, 1)

    @property
    def loose(self) -> int:
        return self.window + TOLERANCE

    def windows_in(self, spans: int) -> int:
        """How many windows' quotas an interval of `spans` windows' length may draw on.

        A fixed window's edge may lie inside the interval, so that it touches one more.
        """
        return spans + 1 if self.kind == "fixed" else spans


def nanoseconds(seconds: float) -> int:
    return round(seconds * NANOSECONDS)


def promise_of_meta(meta: Meta) -> Promise:
    """The promise that a history says its limiter made; the sliding window when it says none.

    Raises ValueError for a kind that is not known, KeyError for a parameter that is missing.
    """
    said: Mapping[str, Any] = meta.promise
    match said.get("kind", "sliding"):
        case "sliding":
            return SlidingWindow(
                int(said.get("limit", meta.limit)), float(said.get("window", meta.window))
            )
        case "fixed":
            return FixedWindow(
                int(said.get("limit", meta.limit)), float(said.get("window", meta.window))
            )
        case "token":
            return TokenBucket(float(said["rate"]), float(said["burst"]))
        case kind:
            raise ValueError(f"unknown kind of promise {kind!r}; known: sliding, fixed, token")
