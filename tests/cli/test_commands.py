"""The commands that drive no load, and their exit codes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from limiters.registry import KNOWN
from limitproof.check.judge import CHECKS
from limitproof.cli.exits import Exit
from limitproof.cli.main import invoke
from limitproof.explored import save_explored
from limitproof.history.columns import History, Key, Operations
from limitproof.history.meta import Meta
from limitproof.history.outcome import Outcome
from limitproof.history.storage import save
from scenarios.catalogue import SCENARIOS
from tests.explorations import counterexample, explored

SECOND = 1_000_000_000
EPOCH = 1_700_000_000 * SECOND


def history(admitted: int) -> History:
    """Of 40 requests in a row on one key, 10 ms apart, the first `admitted` were admitted."""
    instants = EPOCH + np.arange(40) * SECOND // 100
    outcomes = np.where(np.arange(40) < admitted, Outcome.ADMITTED, Outcome.REJECTED)
    return History(
        Meta(
            limiter="mine", target="mine.py:factory", limit=10, window=1.0,
            promise={"kind": "sliding"}, seed=7, engine="load", processes=1, clients=1,
            server={"name": "redis", "version": "8.2.3"}, checks=("overshoot", "false-rejection"),
        ),
        Operations.of(instants, instants + SECOND // 1000, outcome=outcomes),
        (Key("burst/hot", "burst", 1),),
    )  # fmt: skip


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    save(history(13), tmp_path / "history.npz")
    return tmp_path / "history.npz"


def test_check_fails_an_overshoot_and_says_why(
    saved: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert invoke(["check", str(saved)]) == Exit.FAIL
    out = capsys.readouterr().out
    assert "13 were admitted within one window" in out
    assert "algorithm" in out


@pytest.mark.parametrize(
    ("admitted", "code"), [(10, Exit.PASS), (9, Exit.FAIL), (11, Exit.FAIL), (0, Exit.FAIL)]
)
def test_exit_codes_follow_the_verdict(admitted: int, code: Exit, tmp_path: Path) -> None:
    save(history(admitted), tmp_path / "history.npz")
    assert invoke(["check", str(tmp_path), "-q"]) == code


def test_an_interrupted_history_is_no_pass(tmp_path: Path) -> None:
    whole = history(10)
    cut = replace(whole, meta=replace(whole.meta, interrupted="stopped by Ctrl-C"))
    save(cut, tmp_path / "history.npz")
    assert invoke(["check", str(tmp_path), "-q"]) == Exit.UNKNOWN


def test_json_on_standard_output_is_all_there_is(
    saved: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert invoke(["check", str(saved), "--json", "-"]) == Exit.FAIL
    data = json.loads(capsys.readouterr().out)
    assert data["schema"] == 1
    assert data["limiter"] == "mine"
    assert data["quota"] == {"limit": 10, "window": 1.0}
    assert data["seed"] == 7
    assert data["server"] == {"name": "redis", "version": "8.2.3"}
    assert data["verdict"] == "fail"
    (overshoot,) = [check for check in data["checks"] if check["name"] == "overshoot"]
    assert overshoot["verdict"] == "fail"
    assert overshoot["cause"] == "algorithm"
    assert overshoot["measured"]["overshoot"] == 3
    assert overshoot["because"]


def test_another_promise_gives_another_verdict(saved: Path) -> None:
    assert invoke(["check", str(saved), "--promise", "fixed", "-q"]) == Exit.PASS
    assert invoke(["check", str(saved), "--promise", "sliding", "-q"]) == Exit.FAIL


@pytest.mark.parametrize(
    ("what", "names"),
    [
        ("limiters", [entry.name for entry in KNOWN]),
        ("scenarios", [scenario.name for scenario in SCENARIOS]),
        ("checks", [*(check.name for check in CHECKS), "linearizable"]),
    ],
)
def test_list_names_everything(
    what: str, names: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert invoke(["list", what]) == Exit.PASS
    out = capsys.readouterr().out
    assert all(name in out for name in names)


def test_report_draws_a_stored_run_again(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["report", str(saved.parent)]) == Exit.PASS
    assert "report.html" in capsys.readouterr().out
    assert "mine" in (saved.parent / "report.html").read_text()


def test_doctor_finds_what_the_suite_needs(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["doctor"]) == Exit.PASS
    out = capsys.readouterr().out
    assert "redis 8.2.3" in out.lower()


def test_no_arguments_show_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke([]) == Exit.USAGE
    shown = "".join(capsys.readouterr())
    assert all(name in shown for name in ("run", "load", "memory", "check", "doctor"))


def test_the_help_says_of_each_command_its_whole_first_sentence(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert invoke(["--help"]) == Exit.PASS
    shown = " ".join(capsys.readouterr().out.split())
    assert "..." not in shown.replace("[ARGS]...", "")
    assert "on a real Redis whose clock is virtual." in shown


def test_no_line_in_a_pipe_ends_in_blanks(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["list", "limiters"], ["check", str(saved)], ["report", str(saved.parent)]):
        invoke(arguments)
        lines = capsys.readouterr().out.splitlines()
        assert lines
        assert not [line for line in lines if line != line.rstrip()]


def test_what_exploring_has_shown_is_judged_with_the_history(
    saved: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(history(10), saved)
    assert invoke(["check", str(saved.parent), "-q"]) == Exit.PASS
    save_explored([explored(counterexample())], saved.parent)
    assert invoke(["check", str(saved.parent)]) == Exit.FAIL
    assert "explored: A and B both read" in capsys.readouterr().out
    assert invoke(["check", str(saved), "-q"]) == Exit.FAIL
    assert invoke(["check", str(saved), "--promise", "fixed", "-q"]) == Exit.FAIL
    assert invoke(["check", str(saved), "--promise", "token:1:20"]) == Exit.FAIL
    assert "explored for another promise" in capsys.readouterr().out
    assert invoke(["report", str(saved.parent)]) == Exit.PASS
    assert "limitproof replay" in (saved.parent / "report.html").read_text()


def test_the_folder_of_an_exploration_is_judged_and_drawn_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_explored([explored(counterexample())], tmp_path)
    assert invoke(["check", str(tmp_path), "--json", "-", "-q"]) == Exit.FAIL
    out = capsys.readouterr().out
    assert json.loads(out)["checks"][0]["cause"] == "race"
    assert invoke(["report", str(tmp_path)]) == Exit.PASS
    assert 'class="seq"' in (tmp_path / "report.html").read_text()


def test_a_run_judged_again_has_the_verdict_that_it_had(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Most of them are wrong on purpose: it passes when each does what is known of it."""
    run = Path(__file__).parents[2] / "results/reference/run"
    assert invoke(["check", str(run), "--json", "-"]) == Exit.PASS
    told = json.loads(capsys.readouterr().out)
    assert told["verdict"] == "pass"
    assert {one["verdict"] for one in told["limiters"]} == {"pass", "fail"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["explor", "lua_atomic"], "no such command: 'explor'; did you mean explore? there are"),
        (["xyzzy"], "no such command: 'xyzzy'; there are run, verify"),
        (["replay", __file__], "test_commands.py is no schedule: it is no JSON ("),
    ],
)
def test_what_was_meant_is_said(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert invoke(arguments) == Exit.USAGE
    assert says in capsys.readouterr().err
