"""The locustfile on its own, as a person starts it: `locust -f locustfiles/limiter.py`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from limitproof.check.judge import judge
from limitproof.check.verdict import Verdict
from limitproof.history.outcome import Outcome
from limitproof.load.locust import _locustfile
from limitproof.saved import find_histories
from limitproof.servers.handle import Server

pytestmark = pytest.mark.load

PATIENCE = 120.0  # seconds; a bound for a slow machine


def locust(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Four clients for a second, from a directory that is not ours."""
    environ = {k: v for k, v in os.environ.items() if k != "LIMITPROOF_REDIS_URL"}
    return subprocess.run(
        [
            sys.executable, "-m", "locust", "-f", str(_locustfile()), "--headless",
            "-u", "4", "-r", "4", "-t", "1s", "--only-summary", *options,
        ],
        cwd=folder, env=environ, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip


def test_it_starts_a_server_of_its_own_and_leaves_nothing(tmp_path: Path) -> None:
    ended = locust(tmp_path, "--limiter", "lua_atomic")
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr
    told = [line.split()[1] for line in ended.stderr.splitlines() if line.startswith("acquire ")]
    assert set(told) == {"admitted", "rejected"}
    assert list(tmp_path.iterdir()) == []


def test_several_processes_leave_a_record_that_can_be_judged(
    server: Server, tmp_path: Path
) -> None:
    ended = locust(
        tmp_path, "--limiter", "lua_atomic", "--limit", "5", "--window", "0.5", "--keys", "3",
        "--processes", "2", "--redis", server.url, "--record", "left",
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr
    (history,) = find_histories(tmp_path / "left")
    operations = history.operations
    assert (history.meta.limiter, history.meta.limit, history.meta.window) == ("lua_atomic", 5, 0.5)
    assert history.meta.interrupted == ""
    assert set(operations.process.tolist()) == {0, 1}
    assert {key.name for key in history.keys} <= {f"sustained/{n}" for n in range(3)}
    answers = {Outcome(int(number)) for number in operations.outcome}
    assert {Outcome.ADMITTED, Outcome.REJECTED} <= answers
    assert Outcome.ERROR not in answers
    assert all(check.verdict is not Verdict.FAIL for check in judge(history).checks)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--limiter", "lua_atomc"), "did you mean"),
        (("--redis", "redis://127.0.0.1:1"), "cannot reach Redis"),
        (("--redis", "nonsense://"), "nonsense"),
        (("--limit", "0"), "limit must be a whole number of at least 1"),
        (("--window", "nan"), "window must be a finite number"),
        (("--keys", "0"), "keys must be at least 1"),
        (("--record", "a file"), "a file"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "told",
)
def test_what_cannot_be_is_told_in_one_line(
    tmp_path: Path, options: tuple[str, ...], told: str
) -> None:
    (tmp_path / "a file").touch()
    ended = locust(tmp_path, *options)
    assert ended.returncode != 0
    assert "Traceback" not in ended.stderr
    (line,) = [line for line in ended.stderr.splitlines() if line.startswith("limitproof: ")]
    assert told in line


def test_a_worker_may_be_told_to_begin_before_it_is_made_ready() -> None:
    """It is connected by then, and on a busy machine the master is quicker (seen once)."""
    ended = subprocess.run([sys.executable, "-c", BEGUN_EARLY], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (0, "lua_atomic\n"), ended.stderr


BEGUN_EARLY = """
from locustfiles.limiter import LimiterUser
from argparse import Namespace
from locust import events
from locust.env import Environment

options = Namespace(
    plan=None, limiter="lua_atomic", limit=5, window=1.0, keys=1, seed=0, record=None, redis=""
)
environment = Environment(events=events, user_classes=[LimiterUser], parsed_options=options)
events.test_start.fire(environment=environment)
print(LimiterUser.share.session.plan.jobs[0].target)
"""


BEGUN_BEFORE_IT_HAS_A_RUNNER = """
import sys
from argparse import Namespace
import gevent
from locust.env import Environment
from locustfiles import limiter

environment = Environment()
environment.parsed_options = Namespace(
    plan=None, redis=sys.argv[1], limiter="lua_atomic", limit=5, window=1.0, keys=1, seed=0,
    record=None,
)
limiter.begin_by_hand(environment)
session = limiter.LimiterUser.share.session
users = [gevent.spawn(session.next_client) for _ in range(3)]
gevent.sleep(0.01)
environment.create_local_runner()
gevent.joinall(users)
print([user.value for user in users])
"""


def test_users_that_begin_before_locust_has_its_runner_wait_for_it(server: Server) -> None:
    """Their number would be -1, which no record holds."""
    ended = subprocess.run(
        [sys.executable, "-c", BEGUN_BEFORE_IT_HAS_A_RUNNER, server.url],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.stdout.splitlines()[-1:] == ["[0, 1, 2]"], ended.stderr
