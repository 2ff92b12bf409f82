"""Shows that a kill -9 leaves no server: not from the main thread, not from another one, and not
when the parent died first. Everything runs in processes of its own, each wait has a bound."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from limitproof.servers.directory import sweep

PATIENCE = 20.0  # seconds; what is waited for takes some milliseconds

SPAWN = """
import sys
from pathlib import Path
from threading import Thread
from limitproof.servers.spawn import spawned

def hold():
    with spawned(directory=Path(sys.argv[1])) as server:
        print(server.pid, flush=True)
        sys.stdin.read()
"""
IN_MAIN_THREAD = SPAWN + "hold()"
IN_OTHER_THREAD = SPAWN + "thread = Thread(target=hold)\nthread.start()\nthread.join()"

WORKER = """
import os, subprocess, sys
code = "import sys, time; from limitproof.servers.lifetime import die_with_parent;"
code += "die_with_parent(int(sys.argv[1])); print('bound', flush=True); time.sleep(600)"
child = subprocess.Popen([sys.executable, "-c", code, str(os.getpid())], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
sys.stdin.read()
"""


def wait_until(condition: Callable[[], bool]) -> bool:
    """Whether it came true within the bound."""
    last_instant = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > last_instant:
            return False
        time.sleep(0.005)
    return True


def gone(pid: int) -> bool:
    """Whether no process runs under this pid; one that is dead but not reaped yet is gone too."""
    try:
        os.kill(pid, 0)
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except ProcessLookupError:
        return True
    except FileNotFoundError:  # no /proc here, or gone just now: the next look tells
        return False


@pytest.fixture
def folder() -> Iterator[Path]:
    """A directory whose path is short enough for a socket (pytest's own is not)."""
    with tempfile.TemporaryDirectory() as path:
        yield Path(path)


def run(code: str, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def first_number(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


@pytest.mark.parametrize("code", [IN_MAIN_THREAD, IN_OTHER_THREAD], ids=["main", "other"])
def test_kill_minus_nine_leaves_no_server_and_the_next_start_sweeps(
    code: str, folder: Path
) -> None:
    with run(code, folder) as process:
        server = first_number(process)
        assert not gone(server)
        assert sweep(folder) == ()  # its owner lives
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert wait_until(lambda: gone(server))
    (left,) = folder.iterdir()
    assert sweep(folder) == (left,)
    assert not left.exists()


@pytest.mark.parametrize("code", [IN_MAIN_THREAD, IN_OTHER_THREAD], ids=["main", "other"])
def test_an_ordinary_end_leaves_neither_server_nor_directory(code: str, folder: Path) -> None:
    with run(code, folder) as process:
        server = first_number(process)
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert gone(server)
    assert list(folder.iterdir()) == []


def test_ctrl_c_does_not_reach_the_server_before_we_end_it(folder: Path) -> None:
    with run(IN_MAIN_THREAD, folder) as process:
        server = first_number(process)
        assert os.getpgid(server) != os.getpgid(process.pid)
        process.communicate(timeout=PATIENCE)


def test_a_running_child_dies_with_its_parent(folder: Path) -> None:
    with run(WORKER, folder) as process:
        child = first_number(process)
        assert not gone(child)
        process.kill()
    assert wait_until(lambda: gone(child))


def test_a_child_whose_parent_died_before_it_asked_dies_at_once() -> None:
    code = (
        "import os, time; from limitproof.servers.lifetime import die_with_parent;"
        "die_with_parent(os.getpid()); time.sleep(600)"  # nobody is their own parent
    )
    ended = subprocess.run([sys.executable, "-c", code], timeout=PATIENCE, check=False)
    assert ended.returncode == -signal.SIGKILL
