"""A schedule is a small file that says what it is."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from limitproof.schedules import Schedule, ScheduleError, switches

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
    ]  # fmt: skip
    assert len({one.token for one in (SCHEDULE, *changed)}) == 5


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("schema", 2), ("granularity", "byte"), ("choices", [0, 2]), ("choices", ["x"]),
        ("unheard", 1), ("clients", None),
    ],
)  # fmt: skip
def test_another_file_is_refused_in_one_line(field: str, value: Any) -> None:
    with pytest.raises(ScheduleError) as told:
        Schedule.from_json(SCHEDULE.to_json() | {field: value})
    assert "\n" not in str(told.value)


def test_a_switch_is_another_client_than_before() -> None:
    assert [switches(c) for c in ((), (0,), (0, 0, 1), (0, 1, 0, 2))] == [0, 0, 1, 3]
