"""Processes that a limiter has started are found, whatever else comes and goes meanwhile."""

from __future__ import annotations

import subprocess
import sys

import psutil
import pytest

from limitproof.verify import offspring


def test_a_process_that_ends_as_it_is_looked_at_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gone = subprocess.Popen([sys.executable, "-c", "pass"])
    gone.wait()
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    with subprocess.Popen(command, start_new_session=True) as sleeping:
        real = offspring._processes
        monkeypatch.setattr(offspring, "_processes", lambda: [gone.pid, *real()])
        offspring.end_group(sleeping.pid)
        assert sleeping.wait(60) == -9
    assert gone.pid not in psutil.pids()
