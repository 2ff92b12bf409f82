"""Whether there is time for another step."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from limitproof.simulate.pace import Pace
from limitproof.simulate.refusal import SlowError

Steps = Callable[[Pace, Iterable[float]], int]


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Steps:
    """Lets steps be taken, each of so many seconds, one right after the other; tells how many."""

    def take(pace: Pace, seconds: Iterable[float]) -> int:
        now, taken = 0.0, 0
        monkeypatch.setattr("limitproof.simulate.pace.perf_counter", lambda: now)
        for one in seconds:
            try:
                pace.begin()
            except SlowError:
                break
            now += one
            pace.end()
            taken += 1
        return taken

    return take


def test_who_takes_a_second_does_not_begin_in_the_last_ones(steps: Steps) -> None:
    assert steps(Pace(10.0), [1.0] * 20) == 7


def test_quick_steps_use_all_of_the_time(steps: Steps) -> None:
    assert steps(Pace(1.0), [0.001] * 2_000) == 997


def test_a_machine_that_stalls_once_is_no_slow_limiter(steps: Steps) -> None:
    assert steps(Pace(60.0), [50.0, *[0.01] * 100]) == 101


def test_two_slow_steps_are_a_slow_limiter(steps: Steps) -> None:
    assert steps(Pace(60.0), [20.0, 20.0, *[0.01] * 100]) == 2


def test_who_may_take_more_is_not_ended(steps: Steps) -> None:
    pace = Pace(10.0)
    pace.allow_more()
    assert steps(pace, [1.0] * 20) == 20


def test_the_length_of_a_step_is_told() -> None:
    pace = Pace(0.0)
    with pytest.raises(SlowError, match="a step of it takes so long"):
        pace.begin()
