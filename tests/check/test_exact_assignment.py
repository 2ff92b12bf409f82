"""Feasibility and the least peak, held against the enumeration of all assignments."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limitproof.check.assignment import keep_limit, least_peak
from limitproof.check.exact import Infeasible, Undecided, assign
from limitproof.check.greedy import in_order
from limitproof.check.intervals import Intervals
from limitproof.check.occupancy import certain_counts, possible_counts

Pairs = list[tuple[int, int]]


def intervals(pairs: Pairs, cost: list[int] | None = None) -> Intervals:
    order = sorted(range(len(pairs)), key=lambda i: pairs[i][0])
    return Intervals(
        np.array([pairs[i][0] for i in order], dtype=np.int64),
        np.array([pairs[i][1] for i in order], dtype=np.int64),
        np.array([cost[i] if cost else 1 for i in order], dtype=np.int32),
    )


def least_by_enumeration(pairs: Pairs, window: int) -> int:
    """The least peak over all whole instants, which with whole bounds are enough."""
    narrow_first = sorted(pairs, key=lambda pair: pair[1] - pair[0])
    best = len(pairs)

    def peak(chosen: list[int]) -> int:
        return max(sum(x <= t < x + window for t in chosen) for x in chosen)

    def extend(chosen: list[int]) -> None:
        nonlocal best
        if chosen and peak(chosen) >= best:
            return
        if len(chosen) == len(pairs):
            best = peak(chosen)
            return
        low, high = narrow_first[len(chosen)]
        for instant in range(low, high + 1):
            extend([*chosen, instant])

    extend([])
    return best


def assert_witness(given_: Intervals, instants: object, window: int, limit: int) -> None:
    assert isinstance(instants, np.ndarray)
    assert (instants >= given_.start).all()
    assert (instants <= given_.end).all()
    ordered = np.sort(instants)
    assert (ordered[limit:] - ordered[: len(ordered) - limit] >= window).all()


def assert_agrees(pairs: Pairs, window: int) -> None:
    cluster = intervals(pairs)
    least = least_by_enumeration(pairs, window)
    low = int(certain_counts(cluster, window).max())
    high = int(possible_counts(cluster, window).max())
    assert low <= least <= high
    for limit in range(1, len(pairs) + 1):
        answer = assign(cluster, window, limit)
        kept = keep_limit(cluster, window, limit)
        assert kept.feasible is (least <= limit)
        if least <= limit:
            assert_witness(cluster, answer, window, limit)
            assert_witness(cluster, kept.instants, window, limit)
        else:
            assert isinstance(answer, Infeasible)
            assert kept.proof is not None
            assert isinstance(assign(kept.proof, window, limit), Infeasible)
    assert least_peak(cluster, window, low, high) == least


PAIRS = st.lists(
    st.tuples(st.integers(0, 14), st.integers(0, 6)).map(lambda p: (p[0], p[0] + p[1])),
    min_size=1,
    max_size=7,
)


@given(PAIRS, st.integers(1, 7))
@settings(derandomize=True, max_examples=250, deadline=None)
def test_agrees_with_the_enumeration_of_all_assignments(pairs: Pairs, window: int) -> None:
    assert_agrees(pairs, window)


def test_agrees_with_the_enumeration_on_thousands_of_random_instances() -> None:
    random = Random(20_26)
    for _ in range(2_000):
        span, lasting = random.choice((4, 8, 14)), random.choice((0, 2, 4, 6))
        pairs = []
        for _ in range(random.randint(1, 7)):
            start = random.randint(0, span)
            pairs.append((start, start + random.randint(0, lasting)))
        assert_agrees(pairs, random.randint(1, 6))


NESTED: Pairs = [(8, 12), (9, 11), (11, 11), (10, 13), (4, 5)]


def test_finds_the_nested_assignment_that_earliest_deadline_misses() -> None:
    cluster = intervals(NESTED)
    assert_witness(cluster, assign(cluster, 5, 3), 5, 3)
    assert isinstance(assign(cluster, 5, 2), Infeasible)


def test_keeps_clusters_apart_when_one_of_them_runs_late() -> None:
    # three at one instant with a limit of 1 run two windows late, beyond the next cluster's start
    late_then_free = intervals([(0, 0), (0, 0), (0, 0), (10, 10)])
    instants = in_order(late_then_free.start, np.array([3, 1]), 10, 1)
    assert instants is not None
    assert instants.tolist() == [0, 10, 20, 10]


def test_an_operation_of_cost_three_takes_three_places() -> None:
    dear = intervals([(0, 0), (1, 1)], cost=[3, 1])
    assert keep_limit(dear, 5, 4).feasible is True
    assert keep_limit(dear, 5, 3).feasible is False


def test_nothing_at_all_is_feasible() -> None:
    assert keep_limit(intervals([]), 5, 1).feasible is True


def crowd(size: int, lasting: int) -> Intervals:
    """Two at each instant, each wide enough for one of them to wait."""
    start = np.repeat(np.arange(size // 2, dtype=np.int64) * 4, 2)
    return Intervals(start, start + lasting, np.broadcast_to(np.int32(1), start.shape))


def test_says_undecided_rather_than_guess_beyond_its_bound() -> None:
    assert isinstance(assign(crowd(100, 3), 2, 1, most_steps=99), Undecided)
    assert keep_limit(crowd(100, 3), 5, 1, most_steps=99).feasible is None


def test_a_large_cluster_is_refuted_by_a_small_part_of_it() -> None:
    cluster = crowd(6_000, 3)
    assert keep_limit(cluster, 2, 1).feasible is True
    verdict = keep_limit(cluster, 5, 1)
    assert verdict.feasible is False
    assert verdict.proof is not None
    assert len(verdict.proof) <= 16


@pytest.mark.parametrize("lasting", [40, 400, 4_000])
def test_decides_large_histories_of_a_correct_limiter(lasting: int) -> None:
    random = np.random.default_rng(lasting)
    window, limit = 1_000, 50
    # the limit is always used up, and one operation in ten may last several windows
    instants = np.sort(random.integers(0, window, limit)) + window * np.arange(60)[:, None]
    at = np.sort(instants.ravel())
    before, after = (
        random.integers(0, np.where(random.random(len(at)) < 0.1, lasting, 20)) for _ in range(2)
    )
    order = np.argsort(at - before, kind="stable")
    given_ = Intervals((at - before)[order], (at + after)[order], np.ones(len(at), dtype=np.int32))
    kept = keep_limit(given_, window, limit)
    assert kept.feasible is True
    assert_witness(given_, kept.instants, window, limit)
    assert keep_limit(given_, window, limit - 1).feasible is False
