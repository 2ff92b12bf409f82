"""Shows that a private directory is private and temporary, and that the sweep takes only what a
dead owner of ours left."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from limitproof.servers.directory import SOCKET, SOCKET_PATH_BYTES, private_directory, sweep


@pytest.fixture
def folder() -> Iterator[Path]:
    """A directory whose path is short enough for a socket (pytest's own is not)."""
    with tempfile.TemporaryDirectory() as path:
        yield Path(path)


@pytest.fixture
def dead_pid() -> int:
    with subprocess.Popen([sys.executable, "-I", "-S", "-c", ""]) as process:
        process.wait()
    return process.pid


def leave(folder: Path, pid: int) -> Path:
    path = folder / f"limitproof-redis-{pid}-abcdefgh"
    path.mkdir()
    (path / "redis.log").touch()
    return path


def test_it_is_ours_alone_and_gone_at_the_end(folder: Path) -> None:
    with private_directory(folder) as path:
        assert path.parent == folder
        assert path.stat().st_mode & 0o777 == 0o700
        (path / "file").touch()
    assert not path.exists()


def test_it_is_gone_after_an_exception(folder: Path) -> None:
    with pytest.raises(KeyError), private_directory(folder) as path:
        raise KeyError
    assert not path.exists()


def test_the_path_of_a_socket_is_never_too_long(folder: Path) -> None:
    deep = folder / ("d" * 80)
    deep.mkdir()
    with private_directory(deep) as path:
        assert path.parent != deep
        assert len(os.fsencode(path / SOCKET)) <= SOCKET_PATH_BYTES


def test_the_next_start_sweeps_what_a_dead_owner_left(folder: Path, dead_pid: int) -> None:
    left = leave(folder, dead_pid)
    with private_directory(folder):
        assert not left.exists()


def test_a_living_owner_keeps_its_directory(folder: Path) -> None:
    with private_directory(folder) as path, private_directory(folder):
        assert path.exists()


def test_a_lock_keeps_it_though_the_pid_is_unknown_here(folder: Path, dead_pid: int) -> None:
    left = leave(folder, dead_pid)
    lock = os.open(left, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert sweep(folder) == ()
    finally:
        os.close(lock)
    assert sweep(folder) == (left,)


def test_links_files_and_other_names_stay(folder: Path, dead_pid: int) -> None:
    (folder / "elsewhere").mkdir()
    (folder / f"limitproof-redis-{dead_pid}-link").symlink_to(folder / "elsewhere")
    (folder / f"limitproof-redis-{dead_pid}-file").touch()
    (folder / "limitproof-redis-notes-x").mkdir()
    before = sorted(folder.iterdir())
    assert sweep(folder) == ()
    assert sorted(folder.iterdir()) == before


def test_another_users_directory_stays(
    folder: Path, dead_pid: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = leave(folder, dead_pid)
    uid = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: uid + 1)
    assert sweep(folder) == ()
    assert left.exists()


def test_a_forked_child_that_fails_leaves_the_directory_to_its_owner(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with private_directory(folder) as path:
        with monkeypatch.context() as other, private_directory(folder) as inner:
            other.setattr(os, "getpid", lambda: 1)  # what a child would see of itself
            assert inner.exists()
        assert path.exists()
