"""frontrun in an environment of its own: it is compared with, and never a dependency."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".frontrun"  # keeps itself out of git
FRONTRUN = "0.7.0"
EXTRAS = {"frontrun": "frontrun[process]"}  # or its client processes die without a word
PATIENCE = 20.0  # seconds beyond what a measure was given
_INSTALLING = 300.0  # seconds
_ASK = (
    "from importlib.metadata import version as v; import dill, sqlglot; "
    "print(v('frontrun'), v('redis'), v('hiredis'))"
)


class NotInstalledError(Exception):
    """frontrun cannot be had; the message is one line."""


@dataclass(frozen=True, slots=True)
class Environment:
    """Where frontrun is installed."""

    python: Path

    def run(self, told: Mapping[str, Any], *, preload: bool) -> tuple[Any, float]:
        """Have benchmarks.frontrun_inside do what is told; its answer, and when (s since the
        epoch) its process was started.

        preload: start it by frontrun's own command, which puts a library before libc's functions.
        Raises RuntimeError when it breaks or takes too long.
        """
        inside = [str(self.python), "-m", "benchmarks.frontrun_inside", json.dumps(told)]
        words = [str(self.python.with_name("frontrun")), *inside] if preload else inside
        environ = {**os.environ, "FRONTRUN_ACTIVE": "1", "PYTHONPATH": str(ROOT)}
        patience = told["seconds"] * told.get("rounds", 1) + PATIENCE
        begun = time.time()
        try:
            done = subprocess.run(
                words, env=environ, cwd=ROOT, capture_output=True, text=True, timeout=patience,
                check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise RuntimeError(f"frontrun hangs: no answer within {patience:g} s") from error
        if done.returncode:
            raise RuntimeError(f"frontrun broke: {last_line(done.stderr)}")
        return json.loads(done.stdout.splitlines()[-1]), begun


def environment(folder: Path = FOLDER) -> Environment:
    """The environment, made when it is not there yet, with the redis-py and hiredis that we use.

    Raises NotInstalledError when frontrun cannot be installed.
    """
    wanted = {"frontrun": FRONTRUN, "redis": version("redis"), "hiredis": version("hiredis")}
    found = Environment(folder / "bin" / "python")
    if _versions(found.python) == [*wanted.values()]:
        return found
    folder.mkdir(exist_ok=True)
    (folder / ".gitignore").write_text("*\n", encoding="utf-8")
    packages = [f"{EXTRAS.get(name, name)}=={number}" for name, number in wanted.items()]
    _do([sys.executable, "-m", "venv", str(folder)])
    pip = [str(found.python), "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    _do([*pip, *packages])
    return found


def last_line(text: str) -> str:
    """The last line that says something: what a program says at its end is why it ended."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


def _versions(python: Path) -> list[str]:
    if not python.exists():
        return []
    asked = subprocess.run([str(python), "-c", _ASK], capture_output=True, text=True, check=False)
    return asked.stdout.split()


def _do(words: list[str]) -> None:
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=_INSTALLING, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotInstalledError(f"{words[0]}: {error}") from error
    if done.returncode:
        raise NotInstalledError(last_line(done.stderr))
