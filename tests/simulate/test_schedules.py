"""A schedule is a small file that says what it is."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from limitproof.schedules import Run, Schedule, ScheduleError, Step, switches

SCHEDULE = Schedule(
    "get_set_json", 1, 1.0, 2, 1, 0, "packet", (0, 1, 1, 0), commands=(("GET k",),) * 4
)


def test_it_comes_back_from_json() -> None:
    assert Schedule.from_json(json.loads(json.dumps(SCHEDULE.to_json()))) == SCHEDULE


def test_its_token_is_of_what_decides_the_run() -> None:
    assert SCHEDULE.token == replace(SCHEDULE, commands=()).token
    assert SCHEDULE.token == "4733c97c"  # noqa: S105 - must be the same on every machine
    changed = [
        replace(SCHEDULE, seed=1), replace(SCHEDULE, choices=(0, 1, 0, 1)),
        replace(SCHEDULE, granularity="command"), replace(SCHEDULE, limit=2),
        replace(SCHEDULE, promise="fixed"),
    ]  # fmt: skip
    assert len({one.token for one in (SCHEDULE, *changed)}) == 6


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("schema", 2), ("granularity", "byte"), ("choices", [0, 2]), ("choices", ["x"]),
        ("unheard", 1), ("clients", None), ("choices", [-(10**16)]), ("shows", "memory"),
        ("promise", 1), ("promise", "fast"),
    ],
)  # fmt: skip
def test_another_file_is_refused_in_one_line(field: str, value: Any) -> None:
    with pytest.raises(ScheduleError) as told:
        Schedule.from_json(SCHEDULE.to_json() | {field: value})
    assert "\n" not in str(told.value)


def test_a_switch_is_another_client_than_before() -> None:
    assert [switches(c) for c in ((), (0,), (0, 0, 1), (0, 1, 0, 2))] == [0, 0, 1, 3]


def test_a_move_of_the_clock_is_no_switch() -> None:
    assert switches((0, -1000, 0, 1)) == 1
    assert switches((0, -1000, 1, 0)) == 2


def test_moves_of_the_clock_come_back_from_json() -> None:
    timed = replace(SCHEDULE, choices=(0, -1_000_000, 1))
    assert Schedule.from_json(json.loads(json.dumps(timed.to_json()))) == timed
    assert timed.token != SCHEDULE.token


def test_a_run_tells_moves_from_clients() -> None:
    steps = (
        Step(1, ("GET k",), ("nil",), True, False, "(no key)"),
        Step(-1, (), (), False, False, "(no key)", moved=2000, at=2000, gone=("k",)),
    )
    run = Run(steps, ((), ()))
    assert (run.choices, run.clients, run.switches) == ((1, -2000), [1], 0)
