"""Processes that come from a test, by whomever they were adopted."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

PATIENCE = 60.0  # seconds, on a machine that is busy with other tests
NAME = "LIMITPROOF_TEST"


@dataclass(frozen=True, slots=True)
class Traces:
    """A folder for temporary files that is in the environment of what a test starts.

    A server writes its title over its environment; the title has its socket, which is in there.
    """

    folder: str

    @property
    def environ(self) -> Mapping[str, str]:
        """Ours, with the trace."""
        return {**os.environ, "TMPDIR": self.folder, NAME: self.folder}

    def left(self) -> list[psutil.Process]:
        """What runs now and is no zombie."""
        return [
            one
            for one in psutil.process_iter(["environ", "cmdline", "status"])
            if one.info["status"] != psutil.STATUS_ZOMBIE and self._traced(one)
        ]

    def servers(self) -> list[psutil.Process]:
        """The servers among these."""
        return [one for one in self.left() if "redis" in one.name()]

    def gone(self) -> bool:
        """Whether nothing is left, once it has had some time to end."""
        until = time.monotonic() + PATIENCE
        while self.left():
            if time.monotonic() > until:
                return False
            time.sleep(0.05)
        return True

    def _traced(self, one: psutil.Process) -> bool:
        words = " ".join(one.info["cmdline"] or [])
        if one.pid == os.getpid() or "resource_tracker" in words:
            return False
        return (one.info["environ"] or {}).get(NAME) == self.folder or f"{self.folder}/" in words


@contextmanager
def traced() -> Iterator[Traces]:
    """A trace with a short path: a socket's has 108 characters at most (unix(7))."""
    folder = tempfile.mkdtemp(prefix="traces-", dir="/tmp")
    try:
        yield Traces(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
