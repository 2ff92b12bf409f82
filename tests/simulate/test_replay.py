"""A schedule runs again: in another process, and against a limiter that has changed."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from limiters.registry import resolve
from limitproof.cli.exits import Exit
from limitproof.cli.main import invoke
from limitproof.schedules import Schedule
from limitproof.simulate.replay import Replayed, replay

RACE = Schedule("get_set_json", 1, 1.0, 2, 1, 0, "packet", (0, 1, 1, 0), commands=(
    ("GET k",), ("GET k",), ("SETEX k 1 [1700000000000]",), ("SETEX k 1 [1700000000000]",),
))  # fmt: skip


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "race.json"
    path.write_text(json.dumps(RACE.to_json()))
    return path


def test_it_still_fails_in_another_process(file: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "limitproof", "replay", str(file)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert ended.returncode == Exit.FAIL, ended.stderr
    assert "STILL FAILS: 1 over the limit of 1" in ended.stdout
    assert "other commands" not in ended.stdout


def test_a_mended_limiter_is_fixed_and_parts(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert invoke(["replay", str(file), "--target", "lua_atomic", "--json", "-"]) == Exit.PASS
    said = json.loads(capsys.readouterr().out)
    assert said["result"] == "FIXED"
    assert said["schedule"] == RACE.token
    assert said["parts"].startswith("step 1: recorded was GET k, sent is <script ")


def test_a_limiter_that_fails_otherwise_still_fails() -> None:
    found = replay(RACE, resolve("no_prune"))
    assert found.result is Replayed.STILL_FAILS
    assert found.parts.startswith("step 1: recorded was GET k, sent is ZRANGEBYSCORE")


def test_what_cannot_run_is_an_error() -> None:
    for target in ("Blocks", "Raises"):
        found = replay(RACE, resolve(f"tests.simulate.specimens:{target}"))
        assert found.result is Replayed.ERROR


def test_a_false_rejection_replays(tmp_path: Path) -> None:
    assert invoke(["explore", "add_then_count", "--clients", "2", "-q", "--results",
                   str(tmp_path)]) == Exit.FAIL  # fmt: skip
    paths = list((tmp_path / "latest" / "schedules").glob("*.json"))
    assert paths
    for path in paths:
        assert invoke(["replay", str(path)]) == Exit.FAIL


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"schema": 1}'])
def test_a_file_that_is_no_schedule_is_a_usage_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    assert invoke(["replay", str(path)]) == Exit.USAGE


HANDED_ON = Schedule(
    "pipeline", 1, 1.0, 3, 1, 0, "packet", (0, 0, -999_000, 1, -2000, 2, 2, 2, 1, 1),
    "false-rejection",
)  # fmt: skip


def test_a_schedule_with_moves_of_the_clock_replays() -> None:
    """B, refused at 0.999 s, has not taken its entry back when C asks at 1.001 s."""
    found = replay(HANDED_ON, resolve("pipeline"))
    assert (found.result, found.parts) == (Replayed.STILL_FAILS, "")
    assert found.run is not None
    assert [step.moved for step in found.run.steps if step.moved] == [999_000, 2000]
    assert found.run.steps[4].gone == ()
    assert replay(HANDED_ON, resolve("lua_atomic")).result is Replayed.FIXED


def test_a_changed_limiter_parts_at_the_move() -> None:
    recorded = replace(HANDED_ON, commands=(("ZCARD k",), ("ZCARD k",), (), ("GET k",)))
    found = replay(recorded, resolve("pipeline"))
    assert found.parts.startswith("step 1: recorded was ZCARD k, sent is ZREMRANGEBYSCORE")
    recorded = replace(HANDED_ON, choices=(0, -1000, 1), commands=((), (), ()))
    assert "step 1" in replay(recorded, resolve("pipeline")).parts


def test_an_error_replays() -> None:
    raised = Schedule(
        "tests.simulate.edges:ListOfInstants", 1, 1.0, 2, 1, 0, "packet",
        (0, 0, 0, 0, 1, -2_001_000, 1), "contract",
    )  # fmt: skip
    found = replay(raised, resolve(raised.target))
    assert found.result is Replayed.STILL_FAILS
    assert found.said.startswith("TypeError")
    assert found.run is not None
    assert found.run.steps[5].gone == ("k",)
    assert replay(raised, resolve("get_set_json")).result is Replayed.FIXED


def test_an_end_that_no_order_has_replays() -> None:
    race = replace(RACE, shows="linearizable", commands=())
    assert replay(race, resolve("get_set_json")).result is Replayed.STILL_FAILS
    assert replay(race, resolve("lua_atomic")).result is Replayed.FIXED


def test_an_end_that_a_sleep_puts_off_is_compared_with_none() -> None:
    """It sleeps only when others are about: the orders end at the first instant."""
    race = replace(RACE, shows="linearizable", commands=(), choices=(0, 1, 0, 1, 1, 1))
    found = replay(race, resolve("tests.simulate.edges:WaitsForALock"))
    assert found.result is Replayed.ERROR
    assert "a request that sleeps moves the clock" in found.said


def test_a_sleep_moves_the_clock_in_a_replay() -> None:
    slept = Schedule(
        "tests.simulate.specimens:Sleeps", 1, 1.0, 2, 1, 0, "packet", (0, 1, 0, 1), commands=()
    )
    assert replay(slept, resolve(slept.target)).result is Replayed.STILL_FAILS


def test_a_set_that_ends_between_adding_and_counting() -> None:
    """One client: added, the whole set expired, counted nobody. Then there is room for one more."""
    schedule = Schedule(
        "add_then_count", 1, 1.0, 1, 3, 0, "packet",
        (0, 0, 0, 0, 0, 0, 0, 0, -1_001_000, *[0] * 10),
    )  # fmt: skip
    found = replay(schedule, resolve("add_then_count"))
    assert (found.result, found.said) == (Replayed.STILL_FAILS, "1 over the limit of 1")
    assert found.run is not None
    assert found.run.steps[7].commands[0].startswith("ZADD k ")
    assert found.run.steps[8].gone == ("k", "k:reset")
    assert (found.run.steps[9].commands, found.run.steps[9].replies) == (("ZCARD k",), ("0",))
