"""A world and its server share a CPU that no other world has, and give it back."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack

import pytest

from limitproof.simulate.one_cpu import one_cpu

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="CPUs are chosen on Linux only")
WAIT = (sys.executable, "-c", "input()")


@pytest.fixture
def nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Claims of this test's own: other tests open worlds meanwhile."""
    uid = 4_000_000_000 + os.getpid()
    monkeypatch.setattr(os, "getuid", lambda: uid)


@pytest.mark.usefixtures("nobody_else")
def test_both_are_moved_and_given_back() -> None:
    mine = os.sched_getaffinity(0)
    with subprocess.Popen(WAIT, stdin=subprocess.PIPE) as server:
        its = os.sched_getaffinity(server.pid)
        with one_cpu(server.pid) as cpu:
            assert os.sched_getaffinity(0) == os.sched_getaffinity(server.pid) == {cpu}
        assert (os.sched_getaffinity(0), os.sched_getaffinity(server.pid)) == (mine, its)
        server.communicate(b"\n")


@pytest.mark.usefixtures("nobody_else")
def test_no_two_have_the_same_and_who_finds_none_stays_as_it_is() -> None:
    mine = os.sched_getaffinity(0)
    with ExitStack() as stack:
        servers = [
            stack.enter_context(subprocess.Popen(WAIT, stdin=subprocess.PIPE))
            for _ in range(len(mine) + 1)
        ]
        with ExitStack() as worlds:
            had = []
            for server in servers:
                had.append(worlds.enter_context(one_cpu(server.pid)))
                os.sched_setaffinity(0, mine)  # as if each were in a process of its own
            assert set(had[:-1]) == mine
            assert had[-1] is None
            assert os.sched_getaffinity(servers[-1].pid) == mine
        with one_cpu(servers[0].pid) as cpu:
            assert cpu is not None
        for server in servers:
            server.communicate(b"\n")


def test_a_server_somewhere_else_changes_nothing() -> None:
    mine = os.sched_getaffinity(0)
    with one_cpu(None) as cpu:
        assert cpu is None
        assert os.sched_getaffinity(0) == mine


def test_a_server_that_is_gone_changes_nothing() -> None:
    mine = os.sched_getaffinity(0)
    with subprocess.Popen(WAIT, stdin=subprocess.PIPE) as server:
        server.communicate(b"\n")
    with one_cpu(server.pid) as cpu:
        assert cpu is None
        assert os.sched_getaffinity(0) == mine
