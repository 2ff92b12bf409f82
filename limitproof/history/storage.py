"""Histories on disk: one .npz file, written whole or not at all."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from limitproof.errors import BadInputError
from limitproof.files import whole
from limitproof.history.columns import COLUMN_TYPES, History, Key, Operations, StateSeries
from limitproof.history.meta import Meta
from limitproof.history.outcome import Outcome

SCHEMA = 1
_RELATIVE = ("response", "intended")  # stored as the difference from `invocation`
_SERIES: Mapping[str, npt.DTypeLike] = {
    "instants": np.int64, "instant": np.int64, "name": np.int32,
    "size": np.int64, "elements": np.int64, "ttl": np.int64,
}  # fmt: skip
_OUTCOMES = (min(Outcome), max(Outcome))


class HistoryError(BadInputError, ValueError):
    """A file is no history, or not a whole one; the message says which and what to do."""


def save(history: History, path: Path) -> None:
    """Write a history to `path`, so that a reader sees the whole of it or nothing.

    Instants are stored as differences, which compress to a fraction. Raises OSError (disk full,
    no permission), after which nothing of that name was changed.
    """
    operations = history.operations
    start = operations.invocation
    columns = {name: getattr(operations, name) for name in COLUMN_TYPES}
    columns["invocation"] = np.diff(start, prepend=np.int64(0))
    for name in _RELATIVE:
        columns[name] = columns[name] - start
    columns |= {f"state_{name}": getattr(history.state, name) for name in _SERIES}
    about = {
        "schema": SCHEMA,
        "meta": asdict(history.meta),
        "keys": [[key.name, key.scenario, key.clients] for key in history.keys],
        "names": list(history.state.names),
        "errors": list(history.errors),
    }
    with (
        whole(path) as partial,
        zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
    ):
        archive.writestr("about.json", json.dumps(about))
        for name, values in columns.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, values, allow_pickle=False)


def load(path: Path) -> History:
    """Read a history that `save` wrote.

    Raises HistoryError, in one line, for a file that is missing, cut short, damaged, of a newer
    schema, or something else altogether.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            about = json.loads(archive.read("about.json"))
            if about["schema"] != SCHEMA:
                raise HistoryError(
                    f"{path} has schema {about['schema']}, this version reads {SCHEMA}; "
                    "use the limitproof that wrote it"
                )
            columns = {name: _column(archive, name, kind) for name, kind in COLUMN_TYPES.items()}
            series = {name: _column(archive, f"state_{name}", _SERIES[name]) for name in _SERIES}
        columns["invocation"] = np.cumsum(columns["invocation"])
        for name in _RELATIVE:
            columns[name] = columns[name] + columns["invocation"]
        history = History(
            meta=Meta.from_json(about["meta"]),
            operations=Operations(**columns),
            keys=tuple(Key(*key) for key in about["keys"]),
            state=StateSeries(names=tuple(about["names"]), **series),
            errors=tuple(about["errors"]),
        )
    except FileNotFoundError:
        raise HistoryError(f"{path} does not exist; a run leaves its history in results/") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise HistoryError(
            f"{path} is damaged or cut short ({error}); a whole history ends in a zip directory"
        ) from error
    except HistoryError:
        raise
    except (LookupError, TypeError, ValueError, RuntimeError, MemoryError, AttributeError) as error:
        raise HistoryError(f"{path} is not a limitproof history ({error!r})") from error
    _validate(history, path)
    return history


def _column(archive: zipfile.ZipFile, name: str, kind: npt.DTypeLike) -> npt.NDArray[Any]:
    with archive.open(f"{name}.npy") as member:
        values: npt.NDArray[Any] = np.lib.format.read_array(member, allow_pickle=False)
    if values.ndim != 1 or values.dtype != kind:
        raise HistoryError(
            f"{archive.filename} has a column {name} of {values.ndim} dimensions of "
            f"{values.dtype}, not one of {np.dtype(kind)}"
        )
    return values


def _validate(history: History, path: Path) -> None:
    """What every checker takes for granted."""
    operations, state = history.operations, history.state
    lengths = {len(getattr(operations, name)) for name in COLUMN_TYPES}
    samples = {len(getattr(state, name)) for name in _SERIES if name != "instants"}
    if len(lengths) > 1 or len(samples) > 1:
        raise HistoryError(f"{path} has columns of different lengths {sorted(lengths | samples)}")
    for numbers, table in ((operations.key, history.keys), (state.name, state.names)):
        if len(numbers) and not (numbers.min() >= 0 and numbers.max() < len(table)):
            raise HistoryError(f"{path} names a key that its table of keys does not hold")
    lowest, highest = _OUTCOMES
    if np.any((operations.outcome < lowest) | (operations.outcome > highest)):
        raise HistoryError(f"{path} holds an outcome that is none")
    if np.any(operations.response < operations.invocation):
        raise HistoryError(f"{path} has an answer that came before its question")


def interrupted(history: History, why: str) -> History:
    """The same history, marked as ended early."""
    return replace(history, meta=replace(history.meta, interrupted=why))
