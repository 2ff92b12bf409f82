"""The results folder: one folder a run, `latest` pointing to the newest."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from limitproof.files import whole

HISTORY, VERDICT, RUN = "history.npz", "verdict.json", "run.json"


def new_folder(results: Path, name: str) -> Path:
    """A new folder results/<utc time>-<name>, to which `latest` points from now on.

    Raises OSError when it cannot be made.
    """
    safe = re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-.")[:60] or "run"
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    results.mkdir(parents=True, exist_ok=True)
    number = 0
    while True:
        folder = results / f"{stamp}-{safe}{f'-{number}' if number else ''}"
        try:
            folder.mkdir()
            break
        except FileExistsError:
            number += 1
    pointer = results / f".latest.{os.getpid()}"
    # A file system without symbolic links has no `latest`, nor has a folder where it is taken.
    with suppress(OSError):
        pointer.unlink(missing_ok=True)
        pointer.symlink_to(folder.name)
        pointer.replace(results / "latest")
    with suppress(OSError):
        pointer.unlink(missing_ok=True)
    return folder


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Write JSON so that a reader sees the whole of it or nothing. Raises OSError."""
    write_text(path, json.dumps(data, indent=2, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text so that a reader sees the whole of it or nothing. Raises OSError.

    What UTF-8 cannot say (half a surrogate pair, from a file name that is no text) is escaped.
    """
    write_bytes(path, text.encode("utf-8", errors="backslashreplace"))


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file so that a reader sees the whole of it or nothing. Raises OSError."""
    with whole(path) as partial:
        partial.write_bytes(data)


def tidy(folder: Path) -> None:
    """Take away what Locust left, unless it holds records or its log has something to say."""
    for batch in folder.glob("records-*"):
        log = batch / "locust.log"
        if not any(batch.glob("*/")) and "Traceback" not in log.read_text(errors="replace"):
            shutil.rmtree(batch)
