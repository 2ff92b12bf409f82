"""A scenario can be stretched and made an open loop, and stays what it was otherwise."""

from __future__ import annotations

import pytest

from scenarios.catalogue import SCENARIOS, scenario
from scenarios.model import Herd, Keys, Paced, Phase, Saturate, Scenario


def made_of(*phases: Phase) -> Scenario:
    return Scenario("made", "for a test", phases, ("overshoot",))


def test_what_follows_the_longest_loop_is_moved_along() -> None:
    one = made_of(Saturate(0.0, 1.0), Paced(1.0, 5.0, 0.5), Herd(6.5, 2.0, 4), Saturate(7.0, 2.0))
    assert one.stretched(8.0).phases == (
        Saturate(0.0, 1.0), Paced(1.0, 8.0, 0.5), Herd(9.5, 2.0, 4), Saturate(10.0, 2.0),
    )  # fmt: skip
    assert one.stretched(2.0).phases == (
        Saturate(0.0, 1.0), Paced(1.0, 2.0, 0.5), Herd(3.5, 2.0, 4), Saturate(4.0, 2.0),
    )  # fmt: skip
    assert one.duration == 9.0
    assert one.stretched(8.0).duration == 12.0


def test_what_comes_before_the_longest_loop_stays() -> None:
    one = made_of(Herd(0.5, 1.0, 1), Paced(1.0, 1.0, 1.0), Saturate(3.0, 4.0))
    assert one.stretched(1.0).phases == (*one.phases[:2], Saturate(3.0, 1.0))


def test_what_comes_in_the_middle_of_the_longest_loop_stays_there() -> None:
    one = made_of(Saturate(1.0, 4.0), Herd(2.0, 1.0, 1), Herd(5.0, 1.0, 1))
    assert one.stretched(2.0).phases == (
        Saturate(1.0, 2.0), Herd(1.5, 1.0, 1), Herd(3.0, 1.0, 1),
    )  # fmt: skip


@pytest.mark.parametrize("one", SCENARIOS, ids=lambda one: one.name)
@pytest.mark.parametrize("windows", [0.5, 2.0, 60.0])
def test_every_scenario_can_be_stretched(one: Scenario, windows: float) -> None:
    stretched = one.stretched(windows)
    loops = [phase for phase in stretched.phases if not isinstance(phase, Herd)]
    if not loops:
        assert stretched is one
        return
    assert max(phase.duration for phase in loops) >= windows
    assert sum(phase.duration == windows for phase in loops) == 1
    assert all(phase.start >= 0 for phase in stretched.phases)
    starts = [phase.start for phase in stretched.phases]
    assert starts == sorted(starts)
    for field in ("name", "checks", "clients", "keys", "aligned", "idle", "sequential"):
        assert getattr(stretched, field) == getattr(one, field)


def test_closed_loops_become_open_and_the_rest_stays() -> None:
    keys = Keys(count=3)
    one = made_of(Herd(0.0, 2.0, 4), Saturate(1.0, 2.0, 3, keys), Paced(3.0, 1.0, 0.5))
    assert one.at_rate(1.5).phases == (
        Herd(0.0, 2.0, 4), Paced(1.0, 2.0, 1.5, 3, keys), Paced(3.0, 1.0, 0.5),
    )  # fmt: skip


@pytest.mark.parametrize("name", ["burst", "window_edge", "same_instant", "take_turns", "idle"])
def test_a_scenario_without_a_closed_loop_has_its_own_rate(name: str) -> None:
    assert scenario(name).at_rate(3.0) == scenario(name)


def test_a_scenario_lasts_until_its_last_phase_ends() -> None:
    assert made_of(Herd(2.0, 1.0, 1)).duration == 2.0
    assert made_of(Saturate(0.0, 5.0), Paced(1.0, 2.0, 1.0)).duration == 5.0
