"""The ideal limiter of each promise: exact, at one instant, and of no use on a network.

What a judge may never accuse. Rates are fractions, so that nothing is rounded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Protocol

from limiters.contract import Decision
from limiters.promise import FixedWindow, Promise, SlidingWindow, TokenBucket
from limitproof.check.tales.acts import SECOND


class Ideal(Protocol):
    """Decides at an instant in µs, which never decreases; all or nothing."""

    def admit(self, now: int, cost: int = 1) -> Decision:
        """remaining: after it; retry_after: exact, in seconds; None when no waiting helps."""
        ...


@dataclass
class SlidingLog:
    """Every admission is kept for a window: (now − W, now] holds at most `limit`."""

    limit: int
    window: int  # µs
    log: list[int] = field(default_factory=list)

    def admit(self, now: int, cost: int = 1) -> Decision:
        self.log = [instant for instant in self.log if now - instant < self.window]
        left = self.limit - len(self.log)
        if cost <= left:
            self.log += [now] * cost
            return Decision(True, left - cost)
        if cost > self.limit:
            return Decision(False, left)
        last = self.log[len(self.log) + cost - self.limit - 1]
        return Decision(False, left, (last + self.window - now) / SECOND)


@dataclass
class Windows:
    """A counter that starts anew at every multiple of the window, shifted by `phase` (µs)."""

    limit: int
    window: int  # µs
    phase: int = 0
    number: int = -1
    count: int = 0

    def admit(self, now: int, cost: int = 1) -> Decision:
        number, into = divmod(now - self.phase, self.window)
        if number != self.number:
            self.number, self.count = number, 0
        left = self.limit - self.count
        if cost <= left:
            self.count += cost
            return Decision(True, left - cost)
        wait = (self.window - into) / SECOND if cost <= self.limit else None
        return Decision(False, left, wait)


@dataclass
class Bucket:
    """`burst` tokens at most, and `rate` more in each µs."""

    rate: Fraction
    burst: Fraction
    tokens: Fraction | None = None
    filled: int = 0

    def admit(self, now: int, cost: int = 1) -> Decision:
        tokens = self.burst if self.tokens is None else self.tokens
        tokens = min(self.burst, tokens + (now - self.filled) * self.rate)
        allowed = cost <= tokens
        self.tokens, self.filled = tokens - cost * allowed, now
        left = int(self.tokens)
        if allowed or cost > self.burst:
            return Decision(allowed, left)
        return Decision(False, left, float((cost - tokens) / self.rate / SECOND))


def ideal(promise: Promise, phase: int = 0) -> Ideal:
    """The ideal limiter of a promise; phase: when a fixed window begins, in µs.

    Raises ValueError for a promise that is none of the three kinds.
    """
    match promise:
        case SlidingWindow(limit, window):
            return SlidingLog(limit, round(window * SECOND))
        case FixedWindow(limit, window):
            return Windows(limit, round(window * SECOND), phase)
        case TokenBucket(rate, burst):
            exact = Fraction(rate).limit_denominator(10**9) / SECOND
            return Bucket(exact, Fraction(burst).limit_denominator(10**9))
    raise ValueError(f"no ideal limiter for the promise {promise!r}")
