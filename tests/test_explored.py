"""What exploring has shown, to a file and back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from limitproof.explored import (
    EXPLORED,
    ExploredError,
    from_json,
    load_explored,
    percent,
    save_explored,
    to_json,
)
from limitproof.schedules import Schedule
from tests.explorations import counterexample, explored, with_time

BOTH = explored(
    counterexample(), counterexample(with_time(), "false-rejection"), granularity="command"
)


def test_a_file_gives_back_what_was_saved(tmp_path: Path) -> None:
    found = (BOTH, explored(), explored(doubt="not simulated: why", server={}))
    save_explored(found, tmp_path / "mine")
    assert load_explored(tmp_path / "mine") == found
    for shown in BOTH.counterexamples:
        saved = json.loads((tmp_path / "mine" / shown.file).read_text())
        assert Schedule.from_json(saved) == shown.schedule


def test_no_file_is_no_exploration(tmp_path: Path) -> None:
    assert load_explored(tmp_path) == ()


def changed(**fields: Any) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(json.dumps(to_json([BOTH])))
    data["explored"][0] |= fields
    return data


@pytest.mark.parametrize(
    "data",
    [
        [], None, {}, {"schema": 1}, {"schema": 2, "explored": []}, {"schema": 1, "explored": [3]},
        changed(states=-1), changed(states="many"), changed(limiter=3), changed(complete="yes"),
        changed(strange=1), changed(overshoot={"check": "overshoot"}), changed(overshoot=[1]),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_exploration_is_refused(data: Any, tmp_path: Path) -> None:
    with pytest.raises(ExploredError):
        from_json(data)
    (tmp_path / EXPLORED).write_text(json.dumps(data))
    with pytest.raises(ExploredError, match="damaged"):
        load_explored(tmp_path)


def test_half_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / EXPLORED).write_text(json.dumps(to_json([BOTH]))[:-20])
    with pytest.raises(ExploredError, match="damaged"):
        load_explored(tmp_path)


def test_each_counterexample_is_told_once() -> None:
    assert len(BOTH.counterexamples) == 2  # the worst is the smallest


def test_of_two_with_one_schedule_the_simplest_is_told() -> None:
    smallest = counterexample(sequential=True)
    worst = replace(smallest, because="their commands took turns", sequential=False)
    assert explored(smallest, worst=worst).counterexamples == (smallest,)


@pytest.mark.parametrize(
    ("share", "told"), [(50.0, "50 %"), (99.99, "over 99.9 %"), (100.0, "100 %"), (0.5, "0.5 %")]
)
def test_only_all_is_all(share: float, told: str) -> None:
    assert percent(share) == told


def test_the_share_is_a_sentence_or_nothing() -> None:
    assert BOTH.share("overshoot") == "24 of 24 schedules overshoot (100 %)"
    assert BOTH.share("false-rejection").startswith("23 of 24 schedules refuse somebody")
    assert explored().share("overshoot") == ""


def test_of_representatives_no_share_is_told() -> None:
    """Each stands for more or fewer schedules than another."""
    some = replace(BOTH, unit="representatives")
    assert some.share("overshoot") == "24 of 24 representatives overshoot"
