"""A private directory for a server's socket and log, gone when we are gone.

A process that is killed -9 removes nothing. So the directory's name tells whose it is, the owner
holds a lock on it, and the next start sweeps away what dead owners left.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SOCKET = "redis.sock"
SOCKET_PATH_BYTES = 107 if sys.platform == "linux" else 103
"""The longest path of a unix socket (unix(7): sun_path, less its closing zero)."""

_NAME = re.compile(r"limitproof-redis-(\d+)-")


@contextmanager
def private_directory(parent: Path | None = None) -> Iterator[Path]:
    """A new directory of mode 700, removed at the end; leftovers of dead owners are swept first.

    It lies in `parent`, by default the system's temporary directory; or, where the path of a
    socket in there would be too long, in /tmp.
    """
    parent = _place(parent)
    sweep(parent)
    owner = os.getpid()
    path = Path(tempfile.mkdtemp(prefix=f"limitproof-redis-{owner}-", dir=parent))
    lock = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield path
    finally:
        os.close(lock)
        if os.getpid() == owner:  # not in a forked child that leaves by an exception
            shutil.rmtree(path, ignore_errors=True)


def _place(parent: Path | None) -> Path:
    parent = Path(tempfile.gettempdir()) if parent is None else parent
    if len(os.fsencode(parent / f"limitproof-redis-{2**31}-12345678" / SOCKET)) > SOCKET_PATH_BYTES:
        return Path("/tmp")  # noqa: S108 - mkdtemp makes it private
    return parent


def sweep(parent: Path | None = None) -> tuple[Path, ...]:
    """Remove directories of ours whose owner is dead, and tell which. parent: as above.

    Only our own user's, only real directories, only when no process has the pid, and only when
    nobody holds the lock: in another container the owner may live under a pid unknown here.
    """
    removed = []
    for path in sorted(_place(parent).glob("limitproof-redis-*-*")):
        owner = _NAME.match(path.name)
        if owner is None or _lives(int(owner[1])):
            continue
        try:
            handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:  # somebody else's, a link, or swept by another process just now
            continue
        try:
            if os.fstat(handle).st_uid == os.geteuid():
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
                removed.append(path)
        except BlockingIOError:
            continue
        finally:
            os.close(handle)
    return tuple(removed)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
