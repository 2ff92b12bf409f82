"""Whose are the server's keys, and what do they add up to at each sample?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from limitproof.history.columns import Bools, Int64s, Key, StateSeries

NOBODY = -1


@dataclass(frozen=True, slots=True)
class Footprint:
    """Samples with their owners.

    owner: int64, per name of the series the client's key that it belongs to, or `NOBODY`;
    sample: int64, per row the index into `instants`; entries: int64, per row the elements of a
    collection, 1 for a plain value.
    """

    series: StateSeries
    owner: Int64s
    sample: Int64s
    entries: Int64s

    def totals(self, rows: Bools, values: Int64s) -> Int64s:
        """The sum of `values` over the chosen rows, for every sample."""
        size = len(self.series.instants)
        sums = np.bincount(self.sample[rows], values[rows], minlength=size)
        return np.asarray(np.rint(sums), dtype=np.int64)


def footprint(series: StateSeries, keys: Sequence[Key]) -> Footprint:
    """The series with the owner of every name."""
    length = np.array([len(name) for name in series.names], dtype=np.int64)
    # a plain value takes about its length; every element of a collection has an overhead of its
    # own, so that many elements in few bytes are one string, told by its length
    plain = series.size <= 1.5 * series.elements + 160 + length[series.name]
    return Footprint(
        series,
        owners(series.names, keys),
        np.asarray(np.searchsorted(series.instants, series.instant), dtype=np.int64),
        np.where(plain, 1, np.maximum(series.elements, 1)),
    )


def owners(names: Sequence[str], keys: Sequence[Key]) -> Int64s:
    """For every name on the server, the client's key whose name it contains; the longest one.

    A limiter stores key k as prefix + k + suffix, with the same prefix for all: the places where
    a key's name was found once are tried first.
    """
    by_name = {key.name: number for number, key in enumerate(keys) if key.name}
    lengths = sorted({len(name) for name in by_name}, reverse=True)
    places: list[int] = []

    def at(name: str, place: int) -> tuple[int, int]:
        for length in lengths:
            if (owner := by_name.get(name[place : place + length])) is not None:
                return min(length, len(name) - place), owner
        return 0, NOBODY

    found = np.full(len(names), NOBODY, dtype=np.int64)
    for row, name in enumerate(names):
        best = max((at(name, place) for place in places), default=(0, NOBODY))
        if best[1] == NOBODY:
            tried = [(*at(name, place), place) for place in range(len(name))]
            longest = max(tried, default=(0, NOBODY, 0))
            if longest[1] != NOBODY:
                places.append(longest[2])
            best = longest[:2]
        found[row] = best[1]
    return found
