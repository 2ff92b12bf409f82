"""What each correct limiter is, in a few lines of exact Python: instants are whole microseconds."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor
from typing import Protocol

from limiters.contract import Decision


class Model(Protocol):
    """The specification of one key, for `limit` requests per `window` microseconds."""

    def __init__(self, limit: int, window: int) -> None: ...

    def acquire(self, now: int, cost: int) -> Decision: ...


class SlidingLog:
    """The instants of what was admitted within the last window."""

    def __init__(self, limit: int, window: int) -> None:
        self.limit, self.window = limit, window
        self.log: list[int] = []

    def recent(self, now: int) -> list[int]:
        return sorted(instant for instant in self.log if instant > now - self.window)

    def acquire(self, now: int, cost: int) -> Decision:
        recent = self.recent(now)
        left = self.limit - len(recent)
        if cost <= left:
            self.log = recent + [now] * cost
            return Decision(True, left - cost)
        if cost > self.limit:
            return Decision(False, left)
        return refused(left, recent[cost - left - 1] + self.window - now)


class PrunedLog(SlidingLog):
    """The same; a refused request forgets what has left, for good when the clock steps back."""

    def acquire(self, now: int, cost: int) -> Decision:
        self.log = self.recent(now)
        return super().acquire(now, cost)


class MonotoneLog(SlidingLog):
    """The same; a clock that steps back stands still at the newest instant meanwhile."""

    newest = 0

    def acquire(self, now: int, cost: int) -> Decision:
        later = max(now, self.newest)
        decision = super().acquire(later, cost)
        if decision.allowed:
            self.newest = later
        if decision.retry_after is None:
            return decision
        return refused(decision.remaining or 0, round(decision.retry_after * 1e6) + later - now)


class Bucket:
    """Tokens: at most `limit`, `limit` more in each window, evenly; none while a clock is back."""

    def __init__(self, limit: int, window: int) -> None:
        self.limit, self.rate = limit, Fraction(limit, window)
        self.level, self.at = Fraction(limit), 0

    def acquire(self, now: int, cost: int) -> Decision:
        at = max(now, self.at)
        level = min(Fraction(self.limit), self.level + (at - self.at) * self.rate)
        if cost <= level:
            self.level, self.at = level - cost, at
            return Decision(True, floor(self.level))
        if cost > self.limit:
            return Decision(False, floor(level))
        return refused(floor(level), at - now + ceil((cost - level) / self.rate))


class VirtualScheduling:
    """One instant, ahead of the clock by the time that the admitted requests take."""

    def __init__(self, limit: int, window: int) -> None:
        self.limit, self.window, self.each = limit, window, Fraction(window, limit)
        self.arrival = Fraction(0)

    def acquire(self, now: int, cost: int) -> Decision:
        arrival = max(self.arrival, Fraction(now))
        if arrival + cost * self.each <= now + self.window:
            self.arrival = arrival + cost * self.each
            return Decision(True, self._left(self.arrival - now))
        if cost > self.limit:
            return Decision(False, self._left(arrival - now))
        wait = arrival + cost * self.each - now - self.window
        return refused(self._left(arrival - now), ceil(wait))

    def _left(self, ahead: Fraction) -> int:
        return max(0, floor((self.window - ahead) / self.each))


class TwoCounters:
    """This window's count and the last one's by the share of it that is still in the window."""

    def __init__(self, limit: int, window: int) -> None:
        self.limit, self.window = limit, window
        self.counts: dict[int, int] = {}

    def estimate(self, instant: int) -> Fraction:
        number, gone = divmod(instant, self.window)
        share = Fraction(self.window - gone, self.window)
        return self.counts.get(number, 0) + self.counts.get(number - 1, 0) * share

    def acquire(self, now: int, cost: int) -> Decision:
        at = max(now, max(self.counts, default=0) * self.window)
        left = floor(self.limit - self.estimate(at))
        if cost <= left:
            number = at // self.window
            self.counts[number] = self.counts.get(number, 0) + cost
            return Decision(True, left - cost)
        if cost > self.limit:
            return Decision(False, max(0, left))
        # The estimate never grows by itself: look for the first instant that has room.
        too_early, enough = at, at + 2 * self.window
        while enough - too_early > 1:
            middle = (too_early + enough) // 2
            if self.estimate(middle) + cost <= self.limit:
                enough = middle
            else:
                too_early = middle
        return refused(max(0, left), enough - now)


def refused(remaining: int, microseconds: int) -> Decision:
    """A refusal with a wait in whole microseconds."""
    return Decision(False, remaining, microseconds / 1_000_000)
