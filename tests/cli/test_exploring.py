"""`limitproof explore` as a person and as a program sees it."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from limitproof.cli import explore as command
from limitproof.cli.exits import Exit
from limitproof.cli.explore import how_far
from limitproof.cli.main import invoke
from limitproof.schedules import Schedule
from limitproof.servers import virtual
from limitproof.simulate.search.coverage import Progress


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
    overshoot, refusal, contract, order = said["checks"]
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
    assert (contract["name"], contract["verdict"]) == ("contract", "pass")
    assert (order["name"], order["verdict"], order["cause"]) == ("linearizable", "fail", "race")
    assert json.loads((tmp_path / "latest" / "verdict.json").read_text()) == said


def test_the_page_of_a_race(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    invoke(["explore", "get_set_json", "--results", str(tmp_path)])
    path = tmp_path / "latest" / "report.html"
    assert f"report: {path.resolve()}" in capsys.readouterr().out
    page = path.read_text(encoding="utf-8")
    assert page.count('class="seq"') == 2  # the smallest overshoot, and the worst
    assert "1,152 of 1,176 schedules overshoot (98 %)" in page


def test_ctrl_c_keeps_what_was_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A race is found among the first states; all of them would take minutes."""

    @contextmanager
    def stopped_soon(_: str) -> Iterator[Callable[[], bool]]:
        asked = itertools.count()
        yield lambda: next(asked) > 10

    monkeypatch.setattr(command, "interruptible", stopped_soon)
    arguments = ["no_prune", "--clients", "6", "--budget", "600", "--results", str(tmp_path)]
    assert invoke(["explore", *arguments]) == Exit.FAIL
    assert "ended early: stopped by Ctrl-C" in capsys.readouterr().out
    said = json.loads((tmp_path / "latest" / "verdict.json").read_text())
    overshoot, refusal, contract, order = said["checks"]
    verdicts = (overshoot["verdict"], refusal["verdict"], contract["verdict"])
    assert verdicts == ("fail", "unknown", "unknown")
    assert order["verdict"] in ("fail", "unknown")
    assert overshoot["complete"] is False
    assert (tmp_path / "latest" / overshoot["counterexample"]).exists()
    assert "Ended early" in (tmp_path / "latest" / "report.html").read_text()


def test_a_real_ctrl_c_ends_in_order(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "limitproof", "explore", "no_prune", "--clients", "8",
         "--budget", "600", "--results", str(tmp_path)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    world = psutil.Process(process.pid)
    until = time.monotonic() + 60
    while not (servers := [p for p in world.children(recursive=True) if "redis" in p.name()]):
        assert time.monotonic() < until
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode in (Exit.FAIL, Exit.UNKNOWN), out
    assert "ended early: stopped by Ctrl-C" in out
    assert "Traceback" not in out
    assert (tmp_path / "latest" / "verdict.json").exists()
    assert psutil.wait_procs(servers, timeout=15)[1] == []


@pytest.mark.parametrize(
    ("progress", "says"),
    [
        (Progress(1234, 0, 2.0), "1,234 states, 617 a second"),
        (
            Progress(1234, 5000, 2.0),
            "1,234 states, 617 a second; they stand for 5,000 whole schedules so far",
        ),
        (
            Progress(1234, 3 * 10**15, 2.0),
            "1,234 states, 617 a second; they stand for 3.0e+15 whole schedules so far",
        ),
        (Progress(0, 300, 2.0), "300 schedules, 150 a second"),
    ],
)
def test_how_far_it_is(progress: Progress, says: str) -> None:
    assert how_far(progress) == says


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


def test_more_requests_than_a_schedule_may_have(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["explore", "lua_atomic", "--clients", "32", "--requests", "7"]) == Exit.USAGE
    assert "--requests 7" in capsys.readouterr().err
    assert invoke(["explore", "lua_atomic", "--clients", "3", "--requests", "100"]) == Exit.USAGE
    err = capsys.readouterr().err
    assert "--clients 3 times --requests 100 are more requests than the 200" in err


def test_without_libfaketime_it_is_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(virtual, "faketime_library", lambda: None)
    assert invoke(["explore", "lua_atomic", "--results", str(tmp_path)]) == Exit.ENVIRONMENT
    assert "pip install libfaketime" in capsys.readouterr().err


def test_a_server_that_runs_already_is_not_taken(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["explore", "lua_atomic", "--redis", "redis://localhost"]) == Exit.USAGE
    assert "spawn:PROGRAM" in capsys.readouterr().err


def test_requests_that_begin_apart_race_all_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = invoke(
        ["explore", "get_set_json", "--clients", "2", "--apart", "900", "--json", "-",
         "--results", str(tmp_path)]
    )  # fmt: skip
    captured = capsys.readouterr()
    overshoot = json.loads(captured.out)["checks"][0]
    assert code == Exit.FAIL
    assert "clock + 900 ms" in captured.err
    assert overshoot["measured"]["moves"] == 1
    saved = tmp_path / "latest" / overshoot["counterexample"]
    assert Schedule.from_json(json.loads(saved.read_text())).choices == (0, -900_000, 1, 1, 0)
    assert invoke(["replay", str(saved)]) == Exit.FAIL


def test_a_clock_that_is_off(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["--clients", "2", "--moves", "0", "--offset", "0", "--offset", "1500ms", "--json",
               "-", "-q", "--results", str(tmp_path)]  # fmt: skip
    assert invoke(["explore", "lua_atomic_client_clock", *command]) == Exit.FAIL
    assert json.loads(capsys.readouterr().out)["checks"][0]["cause"] == "fault"
    assert invoke(["explore", "lua_atomic", *command]) == Exit.PASS


def test_moves_that_are_asked_for_are_made_although_one_instant_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["explore", "tests.simulate.edges:ListOfInstants", "--clients", "2",
               "--results", str(tmp_path)]  # fmt: skip
    assert invoke(command) == Exit.FAIL
    assert "what fails at one instant comes first" in capsys.readouterr().out
    assert invoke([*command, "--moves", "1", "-v"]) == Exit.FAIL
    assert "then k expired, then B read (LINDEX)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--offset", "x"], "is no number of milliseconds"),
        (["--apart", "-1"], "of at least 0"),
        (["--apart", "1", "--clients", "3"], "take --moves 2, not 1"),
        (["--clients", "2", *["--offset", "1"] * 3], "given 3 times for 2 clients"),
    ],
)
def test_clocks_that_make_no_sense(
    options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert invoke(["explore", "lua_atomic", *options]) == Exit.USAGE
    assert said in capsys.readouterr().err


def test_another_promise_is_what_is_judged_also_when_it_is_replayed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A fixed window admits 2 * limit around its edge: its own promise allows that."""
    asked = [
        "explore",
        "fixed_window",
        "--clients",
        "4",
        "--limit",
        "2",
        "--moves",
        "2",
        "--json",
        "-",
    ]
    assert invoke([*asked, "--results", str(tmp_path / "own")]) == Exit.PASS
    capsys.readouterr()
    other = [*asked, "--promise", "sliding", "--results", str(tmp_path / "other")]
    assert invoke(other) == Exit.FAIL
    overshoot = json.loads(capsys.readouterr().out)["checks"][0]
    assert (overshoot["verdict"], overshoot["cause"]) == ("fail", "algorithm")
    assert (
        invoke(["replay", str(tmp_path / "other/latest" / overshoot["counterexample"])])
        == Exit.FAIL
    )
    assert "STILL FAILS" in capsys.readouterr().out


def test_a_promise_that_is_none_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["explore", "lua_atomic", "--promise", "fast"]) == Exit.USAGE
    assert "no such promise 'fast'" in capsys.readouterr().err


def test_a_replay_of_other_commands_names_the_search_of_all_schedules(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A fault may show elsewhere where a command was added before it."""
    where = ["--results", str(tmp_path)]
    how = ["--offset", "-2.5", "--promise", "fixed"]
    assert invoke(["explore", "get_set_json", "--clients", "2", *how, *where]) is Exit.FAIL
    schedule = next(tmp_path.glob("*/schedules/*.json"))
    capsys.readouterr()
    assert invoke(["replay", str(schedule), "--target", "lua_atomic"]) is Exit.PASS
    said = " ".join(capsys.readouterr().out.split())
    assert "look through all: limitproof explore lua_atomic --limit 1 --window 1" in said
    assert said.endswith("--offset -2.5 --offset 0 --promise fixed")
    command = said.partition("look through all: limitproof ")[2].split()
    assert invoke([*command, *where]) is Exit.PASS
