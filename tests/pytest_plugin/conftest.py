"""Runs of pytest inside of a test: in this process where that is enough, else in one of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from limitproof import pytest_judge, target_tests
from limitproof.exploring import RUNGS
from limitproof.verify import interleavings, machine

ATOMIC = """
from limiters.lua_atomic import LuaAtomic
from limitproof.testing import LimiterContract

class TestMine(LimiterContract):
    {more}
    def make_limiter(self, client, quota, clock):
        return LuaAtomic(client, quota, clock)
"""
RACY = """
import time
import uuid
from limiters.contract import Decision
from limitproof.testing import LimiterContract

class Mine:
    def __init__(self, client, quota, clock):
        self.client, self.quota = client, quota

    def acquire(self, key):
        now = time.time()
        self.client.zremrangebyscore(key, 0, now - self.quota.window)
        if self.client.zcard(key) >= self.quota.limit:
            return Decision(allowed=False)
        self.client.zadd(key, {uuid.uuid4().hex: now})
        self.client.pexpire(key, self.quota.window_ms)
        return Decision(allowed=True)

class TestMine(LimiterContract):
    {more}
    def make_limiter(self, client, quota, clock):
        return Mine(client, quota, clock)
"""
KEPT = (pytest_judge, target_tests)
"""pytester forgets what was imported in a run; not these, and what comes with them."""
NOT_REWRITTEN = "ignore::pytest.PytestAssertRewriteWarning"
"""It depends on how the run outside was started: by `pytest`, or by `python -m pytest`."""
QUIET = ("-p", "no:cacheprovider", "-p", "no:xdist", "-W", "error", "-W", NOT_REWRITTEN)


class Sandbox:
    """A folder with tests in it, and pytest run there."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester

    @property
    def folder(self) -> Path:
        return self.pytester.path

    def write(self, text: str, *, more: str = "pass", name: str = "test_mine") -> Path:
        """A file of tests; `more` are the lines of the class before its method."""
        lines = "\n    ".join(more.splitlines())
        return self.pytester.makepyfile(**{name: text.replace("{more}", lines)})

    def run(self, *arguments: str, budget: float = 60.0) -> pytest.RunResult:
        """In this process, where all that is needed is imported already, with short searches."""
        return self.pytester.runpytest_inprocess(
            *QUIET, f"--limitproof-budget={budget}", *arguments
        )

    def apart(self, *arguments: str, budget: float = 6.0) -> pytest.RunResult:
        """In a process of its own."""
        return self.pytester.runpytest_subprocess(
            "-p", "no:cacheprovider", f"--limitproof-budget={budget}", *arguments
        )


@pytest.fixture
def sandbox(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """Its searches in this process end by themselves, long before their time.

    How much is found by longer ones is asked in tests/verify, not here; and what would go on until
    its time is over would be short of it on a busy machine.
    """
    monkeypatch.setattr(machine, "EXAMPLES", 10)
    monkeypatch.setattr(interleavings, "MOVES", 0)
    monkeypatch.setattr(interleavings, "RUNGS", RUNGS[:1])
    for name in ("CI", "BUILD_NUMBER"):  # with one of them pytest says every message twice
        monkeypatch.delenv(name, raising=False)
    return Sandbox(pytester)


def text_of(result: pytest.RunResult) -> str:
    """All that was printed, for `in`."""
    return "\n".join((*result.outlines, *result.errlines))
