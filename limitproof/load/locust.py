"""Starting Locust as a process, following what it says, and ending it for certain."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from limitproof.errors import BadEnvironmentError
from limitproof.load.plan import Plan
from limitproof.servers.lifetime import bound

PATIENCE = 3.0  # seconds between asking Locust to end and making it


class LocustError(BadEnvironmentError, RuntimeError):
    """Locust did not start; the message is its own last words, in one line."""


@dataclass(slots=True)
class Locust:
    """A running Locust. `said` hands out each of its events once."""

    process: subprocess.Popen[bytes]
    folder: Path
    _read: int = field(default=0, init=False)

    def said(self) -> Iterator[dict[str, Any]]:
        """The events that it has told since the last call."""
        path = self.folder / "events.jsonl"
        with suppress(FileNotFoundError), path.open("rb") as file:
            file.seek(self._read)
            for line in file:
                if not line.endswith(b"\n"):
                    break  # still being written
                self._read += len(line)
                yield json.loads(line)

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def last_words(self) -> str:
        """The last line of its log."""
        with suppress(OSError):
            lines = (self.folder / "locust.log").read_text(errors="replace").strip().splitlines()
            if lines:
                return lines[-1].strip()
        return f"exit code {self.process.returncode}"


@contextmanager
def started(plan: Plan, locustfile: Path | None = None) -> Iterator[Locust]:
    """Locust with this plan, headless, until the end of the `with`; its workers end with it.

    Its log and its events are files of the plan's folder, which must exist.
    """
    folder = Path(plan.folder)
    plan_file = folder / "plan.json"
    plan_file.write_text(plan.to_json())
    port = str(_free_port())
    command = [
        sys.executable, "-m", "locust", "-f", str(locustfile or _locustfile()), "--headless",
        "--processes", str(plan.processes), "--users", str(plan.total_clients),
        "--spawn-rate", str(plan.total_clients), "--only-summary", "--loglevel", "WARNING",
        "--master-bind-host", "127.0.0.1", "--master-bind-port", port, "--master-port", port,
        "--plan", str(plan_file),
    ]  # fmt: skip
    with (folder / "locust.log").open("wb") as log:
        # A session of its own, so that Ctrl-C reaches us alone and we end it in good order.
        process = subprocess.Popen(
            bound(command), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield Locust(process, folder)
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask Locust to end, and kill it when it does not, with what a limiter may have forked.

    The process leads a group of its own, which nothing else is in.
    """
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE)
    kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill Locust and all that is left of its group; it writes no more after this."""
    process.kill()
    process.wait()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _locustfile() -> Path:
    spec = find_spec("locustfiles")
    if spec is None or not spec.submodule_search_locations:
        raise LocustError("the package locustfiles is not installed; install limitproof again")
    return Path(next(iter(spec.submodule_search_locations))) / "limiter.py"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
