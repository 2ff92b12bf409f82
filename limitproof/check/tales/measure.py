"""What a promise allows, in whole requests and microseconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from limiters.promise import Promise
from limitproof.check.tales.acts import TOLERANCE
from limitproof.check.yardstick import Yardstick

ROUNDING = 1e-6
"""Tokens: many limiters keep them in floating point."""
WORDS: Mapping[str, str] = {
    "sliding": "a sliding window of {limit} per {window}",
    "fixed": "a fixed window of {limit} per {window}",
    "token": "a bucket of {limit} that is filled in {window}",
}


@dataclass(frozen=True, slots=True)
class Measure:
    """The arrival curve of a promise for closed intervals, with the tolerance at its edges.

    kind: "sliding", "fixed" or "token"; limit: requests (a bucket: its burst, which may have a
    fraction); window: µs (a bucket: what fills it); rate: requests per µs, None but for a bucket.
    """

    kind: str
    limit: float
    window: int
    rate: float | None = None

    @classmethod
    def of(cls, promise: Promise) -> Measure:
        """Raises ValueError for a promise that is none of the three kinds."""
        one = Yardstick.of(promise)
        rate = None if one.rate is None else one.rate * 1_000
        limit = one.burst if rate is not None else one.limit
        return cls(one.kind, limit, -(-one.window // 1_000), rate)

    @property
    def certain(self) -> int:
        """The greatest age in µs at which a request is in the window for certain."""
        return max(self.window - TOLERANCE, 0)

    @property
    def possible(self) -> int:
        """The age in µs at which a request is out of the window for certain."""
        return self.window + TOLERANCE

    def most(self, length: int) -> float:
        """The most that may be admitted in a closed interval of `length` µs.

        Sliding: it touches ⌊d / W⌋ + 1 windows. Fixed, of unknown phase: one more, but for a
        single instant, which lies in one window. Token: burst + rate · d.
        """
        if self.rate is not None:
            return self.limit + (self.rate * (length + TOLERANCE) if length else 0.0) + ROUNDING
        windows = length // (self.certain + 1) + 1
        return self.limit * (windows + (self.kind == "fixed" and length > 0))

    def leaving(self, rest: float) -> Measure:
        """What is allowed to those after whom `rest` is still left: so much less."""
        return replace(self, limit=self.limit - rest)

    def dripped(self, length: float) -> float:
        """Tokens that flow in within `length` µs; 0 for a window, and where length is negative."""
        return 0.0 if self.rate is None else self.rate * max(0.0, length)

    def __str__(self) -> str:
        return WORDS[self.kind].format(limit=f"{self.limit:g}", window=f"{self.window / 1e6:g} s")


def told_in(figure: Any) -> float | None:
    """A figure that a limiter told, as a number; None when it told none, NaN when it is no number.

    Whoever answers "yes" or True has told no figure either, but one that is wrong.
    """
    if figure is None:
        return None
    if isinstance(figure, bool) or not isinstance(figure, int | float):
        return float("nan")
    return float(figure)
