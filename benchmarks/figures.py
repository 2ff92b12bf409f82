"""A figure of a benchmark: always a ratio within one run, so that it holds on any machine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import comb
from statistics import median

from limitproof.check.verdict import Verdict, merge


@dataclass(frozen=True, slots=True)
class Figure:
    """The ratios of all rounds, and the least that their median should be (None: only told).

    Without ratios it could not be measured, and `note` says why.
    """

    name: str
    ratios: Sequence[float] = field(default=())
    target: float | None = None
    note: str = ""

    @property
    def verdict(self) -> Verdict:
        """Pass or fail only where the noise of the rounds lets one say so; without a target, or
        where nothing could be measured, there is nothing to fail."""
        if not self.ratios or self.target is None:
            return Verdict.NOT_TOLD
        low, high = median_interval(self.ratios)
        if low >= self.target:
            return Verdict.PASS
        return Verdict.FAIL if high < self.target else Verdict.UNKNOWN

    def __str__(self) -> str:
        """One line: the median, its interval, the target and what came of it."""
        if not self.ratios:
            return f"{self.name}: skipped, {self.note}"
        low, high = median_interval(self.ratios)
        said = f"{self.name}: {median(self.ratios):.3f}"
        if len(self.ratios) > 1:
            said = f"{self.name}: median {median(self.ratios):.3f} (95 %: {low:.3f} to {high:.3f})"
        if self.target is None:
            return said
        words = {
            Verdict.PASS: "met",
            Verdict.FAIL: "MISSED",
            Verdict.UNKNOWN: "UNSURE: too noisy to say, try on a quieter machine",
        }
        return f"{said}, target >= {self.target:.2f} {words[self.verdict]}"


def median_interval(values: Sequence[float]) -> tuple[float, float]:
    """Where the true median lies with a confidence of 95 %, whatever the distribution.

    Between two order statistics, by the binomial distribution of how many values lie below the
    median; from the least to the greatest of fewer than six values, which is less certain.
    """
    ordered = sorted(values)
    n, outside, tail = len(ordered), 0, 0.0
    while (tail := tail + comb(n, outside) / 2**n) <= 0.025:
        outside += 1
    outside = max(outside, 1)
    return ordered[outside - 1], ordered[n - outside]


def exit_code(figures: Iterable[Figure]) -> int:
    """0 when no target is missed, 1 when one is, 3 when one cannot be told for noise."""
    told = [figure.verdict for figure in figures if figure.verdict is not Verdict.NOT_TOLD]
    if not told:
        return 0
    return {Verdict.PASS: 0, Verdict.FAIL: 1}.get(merge(told), 3)
