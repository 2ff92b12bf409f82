"""`limitproof verify` as a command: wrong input, accepted risks, Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from limitproof.cli.exits import Exit
from limitproof.cli.main import invoke

LEAST = ["--checks", "contract", "--checks", "cluster"]
PATIENCE = 60.0  # seconds, on a machine that is busy with other tests


def run(*arguments: str, folder: Path) -> int:
    return invoke(["verify", *arguments, "--results", str(folder), "--budget", "3"])


def test_an_accepted_risk_is_told_and_does_not_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text('[tool.limitproof]\naccept = ["cluster"]\n')
    assert run("lua_sequence_leak", *LEAST, folder=tmp_path) == Exit.PASS
    assert "cluster   accepted" in capsys.readouterr().out
    said = json.loads((tmp_path / "latest/verdict.json").read_text())
    assert said["checks"][1]["accepted"]
    assert "accepted as a known risk" in (tmp_path / "latest/report.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "give one TARGET, or --all"),
        (["lua_atomic", "--all"], "give one TARGET, or --all"),
        (["lua_atomic", "--checks", "ovrshoot"], "did you mean overshoot"),
        (["lua_atomic", "--accept", "all"], "no such check"),
        (["lua_atomic", "--checks", "crash", "--skip", "crash"], "no check is left"),
        (["lua_atomic", "--promise", "leaky"], "leaky"),
        (["lua_atmic"], "did you mean lua_atomic"),
    ],
)
def test_wrong_input_is_one_line_and_leaves_no_folder(
    arguments: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments, folder=tmp_path / "results") == Exit.USAGE
    err = capsys.readouterr().err
    assert says in err
    assert err.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.fixture
def running(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """The command at work on a limiter, for a minute."""
    command = [
        sys.executable, "-m", "limitproof", "verify", "lua_atomic", "--budget", "60",
        "--results", str(tmp_path), "--json", "-",
    ]  # fmt: skip
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "LIMITPROOF_TEST": str(tmp_path)},
    ) as process:
        yield process
        process.kill()


def family(folder: Path) -> list[psutil.Process]:
    """All that has the test's mark in its environment."""
    return [
        one
        for one in psutil.process_iter(["environ", "status", "name"])
        if (one.info["environ"] or {}).get("LIMITPROOF_TEST") == str(folder)
        and one.info["status"] != psutil.STATUS_ZOMBIE
    ]


def wait_for(what: Any) -> None:
    until = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < until
        time.sleep(0.1)


def test_ctrl_c_keeps_what_was_judged(running: subprocess.Popen[str], tmp_path: Path) -> None:
    wait_for(lambda: (tmp_path / "latest").exists())
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=PATIENCE)
    assert "what was judged is kept" in err
    assert "Traceback" not in err
    said = json.loads(out)
    assert running.returncode == Exit.UNKNOWN
    assert "stopped by Ctrl-C" in {check["because"] for check in said["checks"]}
    assert (tmp_path / "latest/report.html").exists()
    wait_for(lambda: not family(tmp_path))
