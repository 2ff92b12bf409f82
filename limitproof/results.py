"""The results folder: one folder a run, `latest` pointing to the newest."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from limitproof import explored
from limitproof.explored import Explored
from limitproof.files import whole
from limitproof.history import records, storage
from limitproof.history.columns import History

HISTORY, VERDICT, RUN, META = "history.npz", "verdict.json", "run.json", records.META
EXPLORED = "explored.json"
_DEPTHS = ("", "*/", "*/*/")  # a limiter's records, Locust's folder of them, a run's folder


@dataclass(frozen=True, slots=True)
class Saved:
    """A limiter's part of a run: its history, its folder, and what exploring it has shown."""

    history: History
    folder: Path
    explored: tuple[Explored, ...] = ()


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


def find_histories(path: Path) -> tuple[History, ...]:
    """The histories that a path means; as `find_saved`, without what else was saved."""
    return tuple(saved.history for saved in find_saved(path))


def find_saved(path: Path) -> tuple[Saved, ...]:
    """What a path means: a history file, a run's folder, or a folder of records.

    A folder of records is what a run leaves that was killed, or a Locust started by hand with
    --record. Raises storage.HistoryError when there is none, or one is damaged.
    """
    if path.is_dir():
        if (path / HISTORY).exists():
            return (_load(path / HISTORY),)
        parts = _in_order(path, sorted(path.glob(f"*/{HISTORY}")))
        left = sorted({ops.parent for deep in _DEPTHS for ops in path.glob(f"{deep}*.ops")})
        if parts or left:
            recovered = (_recovered(path, folder) for folder in left)
            return (*map(_load, parts), *recovered)
        raise storage.HistoryError(
            f"{path} holds neither {HISTORY} nor records; give a run's folder or a history file"
        )
    return (_load(path),)


def _load(path: Path) -> Saved:
    found = load_explored(path.parent) if path.name == HISTORY else ()
    return Saved(storage.load(path), path.parent, found)


def _recovered(run: Path, folder: Path) -> Saved:
    """A limiter of a killed run; what exploring it has shown was saved before its load began."""
    history = recover(folder)
    own = run / folder.name
    place = own if own != folder and own.is_dir() else run
    return Saved(history, place, load_explored(place))


def _in_order(run: Path, parts: list[Path]) -> list[Path]:
    """The limiters of a run in the order in which they ran; by name where it is not told."""
    try:
        names = json.loads((run / RUN).read_text())["limiters"]
        order = {str(name): place for place, name in enumerate(names)}
    except (OSError, ValueError, TypeError, KeyError):
        return parts
    return sorted(parts, key=lambda part: (order.get(part.parent.name, len(order)), part))


def recover(folder: Path) -> History:
    """A history from the record files that a run left behind when it was killed."""
    try:
        history = records.assemble(records.read(folder), records.read_meta(folder))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise storage.HistoryError(f"{folder} holds no whole record ({error})") from error
    if history.meta.engine != "load":
        return history  # of a Locust started by hand, which leaves nothing else
    why = history.meta.interrupted or "the run was killed before it could save its history"
    return storage.interrupted(history, why)


def save_history(history: History, folder: Path) -> None:
    """Save a history in a folder, which is made where there is none. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    storage.save(history, folder / HISTORY)


def save_explored(found: Sequence[Explored], folder: Path) -> None:
    """Save what exploring has shown, and the schedules to replay. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    for shown in (shown for one in found for shown in one.counterexamples):
        (folder / shown.file).parent.mkdir(exist_ok=True)
        write_json(folder / shown.file, shown.schedule.to_json())
    write_json(folder / EXPLORED, explored.to_json(found))


def load_explored(folder: Path) -> tuple[Explored, ...]:
    """What exploring has shown; () where that was not done.

    Raises storage.HistoryError when the file is damaged.
    """
    path = folder / EXPLORED
    try:
        return explored.from_json(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return ()
    except (OSError, ValueError) as error:  # ExploredError is one
        raise storage.HistoryError(f"{path} is damaged: {error}") from error


def tidy(folder: Path) -> None:
    """Take away what Locust left, unless it holds records or its log has something to say."""
    for batch in folder.glob("records-*"):
        log = batch / "locust.log"
        if not any(batch.glob("*/")) and "Traceback" not in log.read_text(errors="replace"):
            shutil.rmtree(batch)
