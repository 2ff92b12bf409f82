"""`limitproof verify` as a command: outputs, wrong input, accepted risks, and sudden ends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from limitproof.cli.exits import Exit
from limitproof.cli.main import invoke
from tests.traces import PATIENCE, Traces

RACY = """counted = int(self.client.get(key) or 0) + 1
        self.client.set(key, counted)
        self.client.pexpire(key, self.quota.window_ms)"""
MENDED = """counted = self.client.eval(SCRIPT, 1, key, self.quota.window_ms)"""
MINE = f"""
from limiters.contract import Decision

SCRIPT = "local n = redis.call('INCR', KEYS[1]) redis.call('PEXPIRE', KEYS[1], ARGV[1]) return n"

class Mine:
    def __init__(self, client, quota, clock):
        self.client, self.quota = client, quota

    def acquire(self, key):
        {RACY}
        return Decision(counted <= self.quota.limit)
"""
LEAST = ["--checks", "cluster"]  # one check, one process


def run(*arguments: str, folder: Path) -> int:
    budget = [] if "--budget" in arguments else ["--budget", "3"]
    return invoke(["verify", *arguments, "--results", str(folder), *budget])


SAID = {
    "name", "verdict", "cause", "measured", "complete", "schedules", "counterexample", "because",
}  # fmt: skip
"""What DESIGN §4 promises of each check."""


def test_json_is_all_there_is_on_standard_output_and_what_it_names_replays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    target = f"{tmp_path / 'mine.py'}:Mine"
    checks = ["--checks", "contract", "--checks", "crash", "--checks", "linearizable"]
    assert run(target, *checks, "--json", "-", folder=tmp_path) == Exit.FAIL
    out, err = capsys.readouterr()
    said = json.loads(out)
    assert (said["schema"], said["limiter"], said["verdict"]) == (1, "mine.py:Mine", "fail")
    assert (said["quota"], said["seed"]) == ({"limit": 4, "window": 1.0}, 0)
    assert set(said["server"]) >= {"name", "version"}
    assert all(set(check) >= SAID for check in said["checks"])
    contract, order, crash = said["checks"]
    assert (contract["name"], contract["verdict"]) == ("contract", "pass")
    assert (order["name"], order["verdict"], order["cause"]) == ("linearizable", "fail", "race")
    assert order["schedules"] > 0
    assert (crash["name"], crash["verdict"], crash["cause"]) == ("crash", "fail", "fault")
    assert crash["because"] in err
    folder = tmp_path / "latest"
    assert json.loads((folder / "verdict.json").read_text()) == said
    page = (folder / "report.html").read_text()
    kept = [folder / check["counterexample"] for check in (order, crash)]
    assert all(story.stem in page for story in kept)
    assert [invoke(["replay", str(story), "-q"]) for story in kept] == [Exit.FAIL] * 2
    assert capsys.readouterr().out.count("STILL FAILS") == 2
    (tmp_path / "mine.py").write_text(MINE.replace(RACY, MENDED))
    mended = [invoke(["replay", str(story), "-q", "--target", target]) for story in kept]
    assert mended == [Exit.PASS, Exit.PASS], capsys.readouterr().out


def test_an_accepted_risk_is_told_and_does_not_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text('[tool.limitproof]\naccept = ["cluster"]\n')
    assert run("lua_sequence_leak", *LEAST, folder=tmp_path) == Exit.PASS
    assert "cluster  accepted" in capsys.readouterr().out
    said = json.loads((tmp_path / "latest/verdict.json").read_text())
    assert said["checks"][0]["accepted"]
    assert "accepted as a known risk" in (tmp_path / "latest/report.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "give one TARGET, or --all"),
        (["lua_atomic", "--all"], "give one TARGET, or --all"),
        (["lua_atomic", "--checks", "ovrshoot"], "did you mean overshoot"),
        (["lua_atomic", "--accept", "all"], "no such check"),
        (["lua_atomic", "--checks", "crash", "--skip", "crash"], "no check is left"),
        (["lua_atomic", "--checks", ","], "--checks: ',' names no check"),
        (["lua_atomic", "--skip", ""], "--skip: '' names no check"),
        (["lua_atomic", "--promise", "leaky"], "leaky"),
        (["lua_atmic"], "did you mean lua_atomic"),
        (["lua_atomic", "--skip", "ovrshoot"], "did you mean overshoot"),
        (["lua_atomic", "--json", "no/such/folder/x.json"], "there is no folder no/such/folder"),
        (["lua_atomic", "--seed", "seven"], "seven"),
        (["lua_atomic", "--max-skew", "0"], "'0' is no number of seconds above 0"),
        (["lua_atomic", "--redis", "redis://localhost"], "give spawn:PROGRAM"),
        *[
            (["lua_atomic", "--budget", bad], repr(bad))
            for bad in ("0", "-1", "0.5", "1e9", "nan", "soon")
        ],
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


@pytest.mark.parametrize("name", ["file", "file/results"])
def test_results_that_cannot_be_written_are_one_line_before_any_check(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def examined(*_arguments: Any, **_more: Any) -> None:
        raise AssertionError("a check was made")

    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr("limitproof.cli.verify.write_page", examined)
    code = run("lua_atomic", *LEAST, folder=tmp_path / name)
    assert code == (Exit.USAGE if name == "file" else Exit.ENVIRONMENT)
    out, err = capsys.readouterr()
    assert err.count("\n") == 1
    assert str(tmp_path / "file") in err
    assert not out.strip()


def test_the_same_seed_gives_the_same_verdicts_and_stories(tmp_path: Path) -> None:
    """Of checks that end by themselves: how much a search covers depends on the machine."""
    checks = ["contract", "isolation", "crash", "clock-skew"]
    chosen = [word for name in checks for word in ("--checks", name)]
    told = []
    for number in range(2):
        folder = tmp_path / str(number)
        assert run("no_prune", *chosen, "--budget", "60", folder=folder) == Exit.FAIL
        latest = folder / "latest"
        stories = {one.name: one.read_text() for one in (latest / "schedules").iterdir()}
        told.append((json.loads((latest / "verdict.json").read_text()), stories))
    assert told[0] == told[1]
    assert len(told[0][1]) == 2


@pytest.fixture
def running(tmp_path: Path, traces: Traces) -> Iterator[subprocess.Popen[str]]:
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
        env=traces.environ,
    ) as process:
        yield process
        process.kill()


def wait_for(what: Callable[[], object]) -> None:
    until = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < until
        time.sleep(0.1)


def test_ctrl_c_keeps_what_was_judged(
    running: subprocess.Popen[str], tmp_path: Path, traces: Traces
) -> None:
    wait_for(lambda: (tmp_path / "latest").exists())
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=PATIENCE)
    assert "what was judged is kept" in err
    assert "Traceback" not in err
    said = json.loads(out)
    assert running.returncode == Exit.UNKNOWN
    assert "stopped by Ctrl-C" in {check["because"] for check in said["checks"]}
    assert (tmp_path / "latest/report.html").exists()
    assert traces.gone()


def test_kill_leaves_no_process_and_nothing_that_a_command_chokes_on(
    running: subprocess.Popen[str],
    tmp_path: Path,
    traces: Traces,
    capsys: pytest.CaptureFixture[str],
) -> None:
    wait_for(lambda: traces.servers() and (tmp_path / "latest").exists())
    running.kill()
    running.communicate(timeout=PATIENCE)
    assert traces.gone()
    for path in (tmp_path / "latest").rglob("*.json"):
        json.loads(path.read_text())
    assert invoke(["report", str(tmp_path / "latest")]) == Exit.USAGE
    assert capsys.readouterr().err.count("\n") == 1


def test_a_server_that_dies_is_the_environment(
    running: subprocess.Popen[str], tmp_path: Path, traces: Traces
) -> None:
    wait_for(lambda: len(traces.servers()) >= 2 and (tmp_path / "latest").exists())
    for one in traces.servers():
        with suppress(psutil.NoSuchProcess):
            one.kill()
    out, err = running.communicate(timeout=PATIENCE)
    assert running.returncode == Exit.ENVIRONMENT, err
    assert "Traceback" not in err
    assert err.count("limitproof:") == 1
    assert not out
    assert traces.gone()


FIXED = (
    """
from limiters.contract import Decision
from limitproof.verify import interleavings, machine

interleavings.MOVES, machine.EXAMPLES = 0, 10  # this process examines it: a short search will do

SCRIPT = """
    + "'''"
    + """
local n = redis.call('INCR', KEYS[1])
if n == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return n
"""
    + "'''"
    + """

class Fixed:
    def __init__(self, client, quota, clock):
        self.script, self.quota = client.register_script(SCRIPT), quota

    def acquire(self, key):
        counted = self.script(keys=[key], args=[self.quota.window_ms])
        return Decision(counted <= self.quota.limit)
"""
)


@pytest.mark.parametrize(("promise", "code"), [("fixed", Exit.PASS), ("sliding", Exit.FAIL)])
def test_the_promise_that_is_given_is_the_one_that_is_judged(
    tmp_path: Path, promise: str, code: Exit
) -> None:
    (tmp_path / "mine.py").write_text(FIXED)
    target = [f"{tmp_path / 'mine.py'}:Fixed", "--promise", promise, "--checks", "overshoot"]
    assert run(*target, "--budget", "30", "-q", folder=tmp_path) == code
