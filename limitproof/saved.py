"""What runs have left in their folders, found and read again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from limitproof.explored import Explored, load_explored
from limitproof.history import records, storage
from limitproof.history.columns import History
from limitproof.results import HISTORY, RUN

_DEPTHS = ("", "*/", "*/*/")  # a limiter's records, Locust's folder of them, a run's folder


@dataclass(frozen=True, slots=True)
class Saved:
    """A limiter's part of a run: its history, its folder, and what exploring it has shown."""

    history: History
    folder: Path
    explored: tuple[Explored, ...] = ()


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
