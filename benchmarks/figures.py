"""A figure of a benchmark: always a ratio within one run, so that it holds on any machine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """A ratio, and the least that it should be (None: only told).

    `value` is None where it could not be measured, and `note` says why.
    """

    name: str
    value: float | None
    target: float | None = None
    note: str = ""

    @property
    def met(self) -> bool:
        """Whether nothing is wrong with it: what has no target, or no value, misses none."""
        return self.value is None or self.target is None or self.value >= self.target

    def __str__(self) -> str:
        if self.value is None:
            return f"{self.name}: skipped, {self.note}"
        if self.target is None:
            return f"{self.name}: {self.value:.3f}"
        said = "met" if self.met else "MISSED"
        return f"{self.name}: median {self.value:.3f}, target {self.target:.2f} {said}"
