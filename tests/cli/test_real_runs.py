"""Whole commands under real load, each as a user's own process: these take seconds."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from limitproof.cli.exits import Exit

pytestmark = pytest.mark.load


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "limitproof", *arguments]


def limitproof(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )


def test_load_finds_the_race_and_check_judges_the_same(tmp_path: Path) -> None:
    """GET, then SETEX: a herd reads the same log, and each writes its own."""
    ran = limitproof(tmp_path, "load", "get_set_json", "--scenario", "burst", "--json", "-")
    assert ran.returncode == Exit.FAIL, ran.stderr
    data = json.loads(ran.stdout)
    overshoot = next(check for check in data["checks"] if check["name"] == "overshoot")
    assert (overshoot["verdict"], overshoot["cause"]) == ("fail", "race")
    again = limitproof(tmp_path, "check", "results/latest", "--json", "-")
    assert again.returncode == Exit.FAIL
    assert (
        json.loads(again.stdout)
        == data
        == json.loads((tmp_path / "results/latest/verdict.json").read_text())
    )
    assert (tmp_path / "results/latest/report.html").exists()
    assert not list((tmp_path / "results/latest").glob("records-*"))


def test_a_run_explores_as_well_and_check_judges_the_same(tmp_path: Path) -> None:
    ran = limitproof(tmp_path, "run", "get_set_json", "--window", "0.2", "--json", "-")
    assert ran.returncode == Exit.FAIL, ran.stderr
    data = json.loads(ran.stdout)
    run = tmp_path / "results/latest"
    overshoot = next(check for check in data["checks"] if check["name"] == "overshoot")
    assert overshoot["cause"] == "race"
    assert overshoot["measured"]["explored"]["overshoot"] == 1
    assert "explored: A and B both read (GET) before either wrote (SETEX)" in overshoot["because"]
    again = limitproof(tmp_path, "check", "results/latest", "--json", "-")
    assert json.loads(again.stdout) == data == json.loads((run / "verdict.json").read_text())
    replayed = limitproof(tmp_path, "replay", f"results/latest/{overshoot['counterexample']}")
    assert (replayed.returncode, "STILL FAILS" in replayed.stdout) == (Exit.FAIL, True)
    assert 'class="seq"' in (run / "report.html").read_text()
    assert "race, 4 steps" in ran.stderr


def test_ctrl_c_while_exploring_keeps_what_was_found(tmp_path: Path) -> None:
    process = subprocess.Popen(
        command("run", "get_set_json", "add_then_count", "--explore", "60"),
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    run = tmp_path / "results/latest"
    deadline = time.monotonic() + 60
    while not (run / "get_set_json/explored.json").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == Exit.FAIL, out
    assert "stopped by Ctrl-C" in out
    judged = limitproof(tmp_path, "check", "results/latest", "--json", "-")
    assert judged.returncode == Exit.FAIL, judged.stderr
    assert json.loads(judged.stdout) == json.loads((run / "verdict.json").read_text())


def test_a_fixed_window_keeps_its_own_promise_and_breaks_a_sliding_one(tmp_path: Path) -> None:
    """L just before an edge and L just after it, one client: no race, but the algorithm."""
    limits = ("--scenario", "window_edge", "--limit", "20", "-q", "--json", "-")
    own = limitproof(tmp_path, "load", "fixed_window", *limits)
    assert own.returncode == Exit.PASS, own.stdout + own.stderr
    told = next(c for c in json.loads(own.stdout)["checks"] if c["name"] == "overshoot")
    assert 15 <= told["measured"]["sliding_overshoot"] <= 20
    sliding = limitproof(tmp_path, "check", "results/latest", "--promise", "sliding", "--json", "-")
    assert sliding.returncode == Exit.FAIL
    judged = next(c for c in json.loads(sliding.stdout)["checks"] if c["name"] == "overshoot")
    assert (judged["verdict"], judged["cause"]) == ("fail", "algorithm")


def test_a_limiter_that_raises_or_talks_rubbish_is_failed(tmp_path: Path) -> None:
    (tmp_path / "rude.py").write_text(
        "class Rude:\n"
        "    def __init__(self, client, quota, clock):\n"
        "        self.asked = 0\n"
        "    def acquire(self, key):\n"
        "        self.asked += 1\n"
        "        if self.asked % 2:\n"
        "            raise RuntimeError('boom')\n"
        "        return 'yes'\n"
    )
    brief = ("--scenario", "same_instant", "--window", "0.2")
    ran = limitproof(tmp_path, "load", "rude.py:Rude", *brief, "--json", "-")
    assert ran.returncode == Exit.FAIL, ran.stderr
    data = json.loads(ran.stdout)
    contract = next(check for check in data["checks"] if check["name"] == "contract")
    assert contract["verdict"] == "fail"
    assert "boom" in contract["because"]
    assert "Traceback" not in ran.stderr


def test_a_limiter_that_forks_leaves_no_process(tmp_path: Path) -> None:
    (tmp_path / "forks.py").write_text(
        "import os\n"
        "from limiters.contract import Decision\n"
        "class Forks:\n"
        "    def __init__(self, client, quota, clock):\n"
        "        self.client, self.asked = client, 0\n"
        "    def acquire(self, key):\n"
        "        self.asked += 1\n"
        "        if self.asked == 2:\n"
        "            os.fork()\n"
        "        self.client.ping()\n"
        "        return Decision(True)\n"
    )
    few = ("--clients", "2", "--scenario", "same_instant", "--window", "0.2")
    ran = limitproof(tmp_path, "load", "forks.py:Forks", *few)
    assert ran.returncode in (Exit.FAIL, Exit.UNKNOWN), ran.stderr
    mine = [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(str(tmp_path) in word for word in process.info["cmdline"] or ())
    ]
    assert all_gone(mine)


def running(folder: Path) -> tuple[subprocess.Popen[str], Path]:
    """A load in its full course, and the folder of its run."""
    process = subprocess.Popen(
        command("load", "lua_atomic", "--scenario", "sustained", "--seconds", "60"),
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    run = folder / "results/latest"
    deadline = time.monotonic() + 60
    while not any(path.stat().st_size for path in run.glob("*/*/*.keys")):
        assert time.monotonic() < deadline, "the load never began"
        assert process.poll() is None
        time.sleep(0.05)
    time.sleep(0.5)
    return process, run


def descendants(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def all_gone(processes: list[psutil.Process]) -> bool:
    _gone, alive = psutil.wait_procs(processes, timeout=15)
    return not [one for one in alive if one.status() != psutil.STATUS_ZOMBIE]


def test_ctrl_c_keeps_and_judges_what_was_recorded(tmp_path: Path) -> None:
    process, run = running(tmp_path)
    children = descendants(process)
    assert len(children) >= 4  # Redis, Locust's master, two workers
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == Exit.UNKNOWN, out
    assert "stopped by Ctrl-C" in out
    assert "verdict: unknown" in out
    assert "Traceback" not in out
    assert all_gone(children)
    judged = limitproof(tmp_path, "check", str(run), "--json", "-")
    assert judged.returncode == Exit.UNKNOWN
    checks = {check["name"]: check for check in json.loads(judged.stdout)["checks"]}
    assert checks["overshoot"]["measured"]["admitted"] > 0


def test_kill_9_leaves_no_process_and_no_record_is_lost(tmp_path: Path) -> None:
    process, run = running(tmp_path)
    children = descendants(process)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)  # and closes the pipe, which nobody else holds
    assert all_gone(children)
    assert not (run / "history.npz").exists()
    judged = limitproof(tmp_path, "check", str(run), "--json", "-")
    assert judged.returncode == Exit.UNKNOWN, judged.stderr
    checks = {check["name"]: check for check in json.loads(judged.stdout)["checks"]}
    assert checks["overshoot"]["measured"]["admitted"] > 0


def test_a_redis_that_dies_in_the_middle_is_unknown_and_judged(tmp_path: Path) -> None:
    process, run = running(tmp_path)
    (server,) = [one for one in descendants(process) if "redis" in one.name()]
    server.kill()
    out, _ = process.communicate(timeout=60)
    assert process.returncode == Exit.UNKNOWN, out
    assert "Redis" in out
    assert "Traceback" not in out
    assert (run / "history.npz").exists()
