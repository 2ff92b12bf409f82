"""What the plots draw is what the histories hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from limitproof.check.footprint import footprint
from limitproof.check.intervals import Intervals
from limitproof.check.judge import judge
from limitproof.history.columns import Int64s
from limitproof.report.series import fullest_window, herds, memory_over_time, running_counts, thin
from tests.report.runs import HERD_SIZES, LIMIT, ROUNDS, history

WINDOW = 7


def by_hand(operations: list[tuple[int, int, int]], instant: int) -> int:
    """Units that certainly lie in (instant − WINDOW, instant]."""
    return sum(c for s, e, c in operations if s > instant - WINDOW and e <= instant)


operation = st.tuples(st.integers(0, 40), st.integers(0, 12), st.integers(1, 3)).map(
    lambda drawn: (drawn[0], drawn[0] + drawn[1], drawn[2])
)


@given(st.lists(operation, max_size=25))
def test_running_counts_are_those_of_brute_force(operations: list[tuple[int, int, int]]) -> None:
    operations.sort()
    start, end, cost = (
        np.array([row[place] for row in operations], dtype=np.int64) for place in range(3)
    )
    instants, counts = running_counts(Intervals(start, end, cost.astype(np.int32)), WINDOW)
    assert counts.tolist() == [by_hand(operations, int(at)) for at in instants]
    highest = max((by_hand(operations, at) for at in range(70)), default=0)
    assert int(counts.max(initial=0)) == highest


@given(st.lists(st.integers(0, 1000), max_size=400), st.integers(1, 30))
def test_thinning_keeps_the_highest_and_the_lowest(values: list[int], pairs: int) -> None:
    drawn = np.array(values, dtype=np.int64)
    kept = thin(drawn, 2 * pairs)
    assert len(kept) <= max(2 * pairs, 1) or len(kept) == len(values) <= 2 * pairs
    assert (np.diff(kept) > 0).all()
    if values:
        assert drawn[kept].max() == drawn.max()
        assert drawn[kept].min() == drawn.min()


def test_the_fullest_window_shows_what_was_planted() -> None:
    window = fullest_window(history("x", beyond=6), 2000)
    assert window is not None
    assert (window.key.name, window.peak) == ("sustained/hot", LIMIT + 6)
    assert len(window.counts) == len(window.seconds) <= 2000


@pytest.mark.parametrize("beyond", [0, 1, 6])
def test_the_plot_and_the_verdict_tell_the_same_peak(beyond: int) -> None:
    made = history("x", beyond=beyond)
    window = fullest_window(made, 2000)
    found = judge(made.of_scenario("sustained"), names=("overshoot",)).check("overshoot")
    assert window is not None
    assert found is not None
    assert window.peak == found.measured["peak"]


def test_a_large_history_is_thinned_to_what_can_be_drawn() -> None:
    window = fullest_window(history("x", beyond=900), 100)
    assert window is not None
    assert len(window.counts) <= 100 < window.total
    assert int(window.counts.max()) == window.peak


@pytest.mark.parametrize("beyond", [0, 3, 8])
def test_herds_show_the_planted_overshoot(beyond: int) -> None:
    found = herds(history("x", beyond=beyond))
    assert [herd.clients for herd in found] == list(HERD_SIZES)
    assert {herd.herds for herd in found} == {ROUNDS}
    planted = [min(beyond, clients) if clients > 1 else 0 for clients in HERD_SIZES]
    assert [herd.worst for herd in found] == planted
    # only the first of two rounds overshoots
    assert [herd.mean for herd in found] == [worst / ROUNDS for worst in planted]


def test_memory_is_summed_by_scenario() -> None:
    made = history("x", leak=10)
    prints = footprint(made.state, made.keys)
    hot = memory_over_time(made, prints, "sustained")
    idle = memory_over_time(made, prints, "idle")
    assert hot is not None
    assert idle is not None
    expected: Int64s = 500 + 10 * np.arange(60)
    assert hot.size.tolist() == expected.tolist()
    assert idle.size.tolist() == [100] * 30 + [0] * 30
    assert hot.seconds[1] == pytest.approx(0.1)
    assert hot.last == pytest.approx(2.9995)
    assert memory_over_time(made, prints, "never played") is None
