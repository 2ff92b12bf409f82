"""`limitproof explore` as a person and as a program sees it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from limitproof.cli.exits import Exit
from limitproof.cli.main import invoke
from limitproof.schedules import Schedule
from limitproof.servers import virtual


def test_a_race_in_columns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = invoke(["explore", "get_set_json", "--results", str(tmp_path)])
    out = capsys.readouterr().out
    assert code == Exit.FAIL
    lines = [line.rstrip() for line in out.splitlines()]
    assert lines[2].split() == ["A", "B", "keys", "after", "it"]
    assert [line[0] for line in lines[3:9] if line and line[0] != " "] == ["1", "2", "3", "4"]
    assert "because A and B both read (GET) before either wrote (SETEX)" in out
    assert "overshoot: 4 steps, 2 context switches" in out
    assert "worst overshoot: 3 over a limit of 1" in out
    assert "1,152 of 1,176 schedules overshoot (98 %)" in out
    assert "covered: all 25 states, which stand for 1,176 schedules" in out


def test_json_of_a_race(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = invoke(["explore", "get_set_json", "--json", "-", "--results", str(tmp_path)])
    said = json.loads(capsys.readouterr().out)
    assert code == Exit.FAIL
    overshoot, refusal = said["checks"]
    assert said["verdict"] == overshoot["verdict"] == "fail"
    assert (overshoot["name"], overshoot["cause"]) == ("overshoot", "race")
    assert overshoot["complete"] is True
    assert overshoot["schedules"] == 1176
    assert overshoot["measured"]["overshoot"] == 3
    assert overshoot["measured"]["bad_schedules"] == 1152
    saved = tmp_path / "latest" / overshoot["counterexample"]
    assert Schedule.from_json(json.loads(saved.read_text())).choices == (0, 1, 1, 0)
    assert (refusal["name"], refusal["verdict"]) == ("false-rejection", "pass")
    assert refusal["counterexample"] is None
    assert json.loads((tmp_path / "latest" / "verdict.json").read_text()) == said


def test_a_clean_limiter_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = invoke(["explore", "lua_atomic", "--clients", "5", "--results", str(tmp_path)])
    assert code == Exit.PASS
    assert "all 6 states, which stand for 120 schedules" in capsys.readouterr().out


def test_what_cannot_be_simulated_is_unknown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = invoke(["explore", "in_process", "--results", str(tmp_path)])
    assert code == Exit.UNKNOWN
    assert "its state is in the process" in capsys.readouterr().out


def test_too_few_requests_prove_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["explore", "lua_atomic", "--clients", "2", "--limit", "2"]) == Exit.USAGE
    assert "never exceeds" in capsys.readouterr().err


def test_without_libfaketime_it_is_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(virtual, "faketime_library", lambda: None)
    assert invoke(["explore", "lua_atomic", "--results", str(tmp_path)]) == Exit.ENVIRONMENT
    assert "pip install libfaketime" in capsys.readouterr().err


def test_a_server_that_runs_already_is_not_taken(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["explore", "lua_atomic", "--redis", "redis://localhost"]) == Exit.USAGE
    assert "spawn:PROGRAM" in capsys.readouterr().err
