"""What the doctor finds out about this machine, without a Redis. Each returns one finding."""

from __future__ import annotations

import importlib.util
import os
import resource
import shutil
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from redis.utils import HIREDIS_AVAILABLE

from limitproof.check.verdict import Verdict
from limitproof.servers.finding import Finding, finding

OLDEST_PYTHON = (3, 11)
OPEN_FILES = 1024  # a connection is an open file, and a run with 500 clients is an ordinary one
FREE_MEGABYTES = 100  # a history of a million operations is some 60 MB before it is packed

# Where distributions and Homebrew put it (packages faketime, libfaketime).
SYSTEM_FAKETIME = (
    "/usr/lib/{machine}-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib64/faketime/libfaketime.so.1",
    "/usr/lib/faketime/libfaketime.so.1",
    "/opt/homebrew/lib/faketime/libfaketime.1.dylib",
    "/usr/local/lib/faketime/libfaketime.1.dylib",
)


def python() -> Finding:
    """The version of Python."""
    running = ".".join(str(part) for part in sys.version_info[:3])
    wanted = ".".join(str(part) for part in OLDEST_PYTHON)
    return finding(
        "python", sys.version_info[:2] >= OLDEST_PYTHON, running, f"use Python {wanted} or newer"
    )


def cores() -> Finding:
    """Cores of the machine, and those that this process may use."""
    there = os.cpu_count() or 1
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else there
    return finding(
        "cores",
        usable > 1,
        f"{usable} usable of {there}",
        "on one core, server and clients take turns: measured load says little about races",
        otherwise=Verdict.UNKNOWN,
    )


def locust() -> Finding:
    """Whether Locust is installed. It is not imported: importing it changes the whole process."""
    try:
        return finding("locust", True, version("locust"), "")
    except PackageNotFoundError:
        return finding("locust", False, "not found", "pip install locust, to measure real load")


def hiredis() -> Finding:
    """Whether redis-py parses answers in C."""
    detail = f"in use, {version('hiredis')}" if HIREDIS_AVAILABLE else "not in use"
    return finding(
        "hiredis",
        HIREDIS_AVAILABLE,
        detail,
        "pip install hiredis, or the load is that of a parser in Python",
        otherwise=Verdict.UNKNOWN,
    )


def faketime_library() -> Path | None:
    """The shared object of libfaketime: the one of the package of that name, or the system's.

    The package is not imported, as that needs others and looks at the environment.
    """
    places = [Path(place.format(machine=os.uname().machine)) for place in SYSTEM_FAKETIME]
    package = importlib.util.find_spec("libfaketime")
    # The package's build is for 64-bit Intel only.
    if package is not None and package.origin is not None and os.uname().machine == "x86_64":
        name = "libfaketime.so.1" if sys.platform == "linux" else "libfaketime.1.dylib"
        folder = Path(package.origin).parent / "vendor" / "libfaketime" / "src"
        places.insert(0, folder / name)
    return next((place for place in places if place.is_file()), None)


def open_files() -> Finding:
    """How many files, and so connections, this process may have open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = soft == resource.RLIM_INFINITY
    most = "no limit" if hard == resource.RLIM_INFINITY else f"at most {hard}"
    return finding(
        "open files",
        unlimited or soft >= OPEN_FILES,
        "no limit" if unlimited else f"{soft} ({most})",
        f"ulimit -n 10000, as fewer than {OPEN_FILES} are few clients",
    )


def disk() -> Finding:
    """Free space in the temporary directory."""
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free // 1_000_000
    return finding(
        "disk",
        free >= FREE_MEGABYTES,
        f"{free} MB free in {folder}",
        f"free {FREE_MEGABYTES} MB there, or let TMPDIR name another directory",
    )
