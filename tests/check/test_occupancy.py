"""The counts, held against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limitproof.check.excess import excess_of
from limitproof.check.intervals import Intervals
from limitproof.check.occupancy import (
    certain_before,
    certain_counts,
    highest_water,
    possible_before,
    possible_counts,
    possible_water,
)
from limitproof.check.retry_after import rolling_minimum
from limitproof.check.yardstick import TOLERANCE, Yardstick

Rows = list[tuple[int, int, int]]
ROWS = st.lists(
    st.tuples(st.integers(0, 20), st.integers(0, 8), st.integers(1, 3)), min_size=1, max_size=9
).map(lambda rows: sorted((s, s + d, c) for s, d, c in rows))
SETTINGS = settings(derandomize=True, max_examples=300, deadline=None)


def columns(rows: Rows) -> Intervals:
    start, end, cost = (np.array(c) for c in zip(*rows, strict=True))
    return Intervals(start.astype(np.int64), end.astype(np.int64), cost.astype(np.int32))


@given(ROWS, st.integers(1, 9))
@SETTINGS
def test_certain_is_what_lies_inside(rows: Rows, span: int) -> None:
    inside = [sum(c for s, e, c in rows if s >= x and e < x + span) for x, _, _ in rows]
    assert certain_counts(columns(rows), span).tolist() == inside


@given(ROWS, st.integers(1, 9))
@SETTINGS
def test_possible_is_what_touches(rows: Rows, span: int) -> None:
    touching = [sum(c for s, e, c in rows if s < t + span and e >= t) for _, t, _ in rows]
    assert possible_counts(columns(rows), span).tolist() == touching


@given(ROWS, ROWS, st.integers(1, 9))
@SETTINGS
def test_what_a_decision_may_and_must_have_counted(at: Rows, among: Rows, window: int) -> None:
    may = [sum(c for s, e, c in among if s <= b and e >= a - window) for a, b, _ in at]
    must = [sum(c for s, e, c in among if e < a and s > b - window) for a, b, _ in at]
    assert possible_before(columns(at), columns(among), window).tolist() == may
    counted = certain_before(columns(at), columns(among), window)
    assert (counted <= must).all()
    if all(e - s < window for s, e, _ in among) and all(e == s for s, e, _ in at):
        assert counted.tolist() == must


@given(ROWS, st.sampled_from([0.0, 0.1, 0.5, 2.0]))
@SETTINGS
def test_levels_of_a_bucket_are_bounds(rows: Rows, rate: float) -> None:
    starts, ends = {s for s, _, _ in rows}, {e for _, e, _ in rows}
    certain = max(
        sum(c for s, e, c in rows if s >= x and e <= y) - rate * (y - x)
        for x in starts
        for y in ends
        if x <= y
    )
    level, x, y = highest_water(columns(rows), rate)
    assert level <= max(certain, 0.0) + 1e-9
    if all(s == e for s, e, _ in rows):
        assert level == pytest.approx(max(certain, 0.0))
    if level > 0:
        assert sum(c for s, e, c in rows if s >= x and e <= y) - rate * (y - x) >= level - 1e-9
    instants = starts | ends
    possible = max(
        sum(c for s, e, c in rows if s <= y and e >= x) - rate * (y - x)
        for x in instants
        for y in instants
        if x <= y
    )
    assert possible_water(columns(rows), rate) == pytest.approx(possible)


def test_a_long_operation_does_not_hide_a_burst_of_a_bucket() -> None:
    rows = [(0, 100, 1), *[(50, 51, 1)] * 9]
    assert highest_water(columns(rows), 0.0)[0] == 10
    assert highest_water(columns(rows), 1.0)[0] == pytest.approx(8)


@given(st.lists(st.integers(0, 60), min_size=1, max_size=25), st.integers(1, 4))
@SETTINGS
def test_excess_is_what_a_greedy_log_refuses(instants: list[int], limit: int) -> None:
    window = 10
    passed: list[int] = []
    for t in sorted(instants):
        if len(passed) < limit or t - passed[-limit] >= window:
            passed.append(t)
    ideal = Yardstick("sliding", limit, window + TOLERANCE)
    assert excess_of(np.array(instants), ideal) == len(instants) - len(passed)


def test_excess_of_a_fixed_window_and_of_a_bucket() -> None:
    instants = np.array([0, 0, 0, 5, 10, 11, 12])
    assert excess_of(instants, Yardstick("fixed", 2, 10 + TOLERANCE)) == 3
    assert excess_of(instants, Yardstick("token", 2, 20, 0.1, 2.0)) == 4


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=20), st.integers(1, 25))
@SETTINGS
def test_rolling_minimum(values: list[int], width: int) -> None:
    expected = [min(values[max(0, i - width + 1) : i + 1]) for i in range(len(values))]
    assert rolling_minimum(np.array(values), width).tolist() == expected
