"""Put packages into their folders: `python -m limiters.adapters install [NAME…]`."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from limiters.adapters.packages import RECEIPT, Package, folder, home, is_there

PIP = (
    sys.executable,
    "-m",
    "pip",
    "install",
    "--quiet",
    "--disable-pip-version-check",
    "--no-deps",
)


class InstallError(RuntimeError):
    """pip could not install a package; the message ends with what it said last."""


def install(wanted: Iterable[Package]) -> Iterator[Package]:
    """Install what is not there yet, each as a whole or not at all; tells each that it installed.

    Raises InstallError when pip fails.
    """
    for one in wanted:
        if not is_there(one):
            _install(one)
            yield one


def _install(one: Package) -> None:
    home().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home(), prefix=".new-") as new:
        target = Path(new) / one.label
        ended = subprocess.run(
            [*PIP, "--target", str(target), *one.pins], capture_output=True, text=True, check=False
        )
        if ended.returncode:
            said = ended.stderr.strip().splitlines() or ["it said nothing"]
            raise InstallError(f"{one.name} {one.version} cannot be installed: {said[-1]}")
        (target / RECEIPT).write_text(one.receipt, encoding="utf-8")
        shutil.rmtree(folder(one), ignore_errors=True)
        target.rename(folder(one))
