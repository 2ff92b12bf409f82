"""From the record files of a run to one history."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from limitproof.history.columns import History, Key, Operations, StateSeries
from limitproof.history.meta import NANOSECONDS, Meta
from limitproof.history.outcome import Outcome
from limitproof.history.recorder import SLOT

META = "meta.json"


@dataclass(frozen=True, slots=True)
class Record:
    """What one process left: its slots in use, its keys, its error messages, its clock."""

    header: Mapping[str, Any]
    slots: npt.NDArray[np.void]
    keys: tuple[Key, ...]
    errors: tuple[str, ...]
    full: bool


def _lines(path: Path) -> list[Any]:
    """JSON values, one a line; a last line cut short by a crash is left out."""
    values = []
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            values.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return values


def write_meta(folder: Path, meta: Meta) -> None:
    """Say, beside the records that will come, what their history is to say of itself."""
    (folder / META).write_text(json.dumps(asdict(meta)))


def read_meta(folder: Path) -> Meta:
    """What `write_meta` wrote. Raises OSError, ValueError, TypeError, KeyError."""
    return Meta.from_json(json.loads((folder / META).read_text()))


def read(folder: Path) -> tuple[Record, ...]:
    """Every record file in a folder, whether its process ended well or not."""
    records = []
    for path in sorted(folder.glob("*.ops")):
        size = path.stat().st_size // SLOT.itemsize
        slots = np.fromfile(path, dtype=SLOT, count=size)
        keys = tuple(Key(*line) for line in _lines(path.with_suffix(".keys")))
        body = slots[1:]
        in_use = (body["invocation"] != 0) & (body["key"] < len(keys))
        records.append(
            Record(
                header=json.loads(path.with_suffix(".json").read_text()),
                slots=body[in_use],
                keys=keys,
                errors=tuple(_lines(path.with_suffix(".errors"))),
                full=not size or bool(slots["outcome"][0]),
            )
        )
    return tuple(records)


def assemble(records: Sequence[Record], meta: Meta, state: StateSeries | None = None) -> History:
    """One history from the records of all processes, in order of invocation.

    Processes of one machine share a monotonic clock, so their instants are comparable to the
    nanosecond. Those of several machines are moved to the clock of the server, which each of them
    has measured (Cristian, "Probabilistic clock synchronization", 1989), and `meta.clock_error`
    becomes the worst half round trip.
    """
    clocks = _clocks(records)
    keys: dict[str, Key] = {}
    place: dict[str, int] = {}
    parts: list[Operations] = []
    clock_error = meta.clock_error
    for record in records:
        header, slots = record.header, record.slots
        zero, error = clocks[header["boot"]]
        shift = zero - header["anchor"]
        clock_error = max(clock_error, error)
        for key in record.keys:
            if keys.setdefault(key.name, key) is key:
                place[key.name] = len(place)
        numbers = np.array([place[key.name] for key in record.keys], np.int32)
        answered = slots["outcome"] != 0
        parts.append(
            Operations.of(
                slots["invocation"] + shift,
                np.where(answered, slots["response"], slots["invocation"]) + shift,
                intended=slots["intended"] + shift,
                process=header["process"],
                client=slots["client"],
                key=numbers[slots["key"]] if len(slots) else np.empty(0, np.int32),
                cost=slots["cost"],
                outcome=np.where(answered, slots["outcome"], Outcome.UNKNOWN),
                remaining=np.where(answered, slots["remaining"], np.nan),
                retry_after=np.where(answered, slots["retry_after"], np.nan),
            )
        )
    errors = tuple(dict.fromkeys(message for record in records for message in record.errors))
    interrupted = meta.interrupted
    if any(record.full for record in records):
        interrupted = interrupted or "the disk was full, so the recording stopped"
    return History(
        meta=replace(meta, clock_error=clock_error, interrupted=interrupted),
        operations=_close(Operations.concatenate(parts)),
        keys=tuple(keys.values()),
        state=StateSeries() if state is None else state,  # one without any row is falsy
        errors=errors,
    )


def _clocks(records: Sequence[Record]) -> Mapping[str, tuple[int, float]]:
    """Each machine's zero (ns to add to its monotonic clock), and how well it is known (s).

    A machine alone has its own time of day. Among several each has the server's, by the best of
    its processes' measurements: one for all of them, or they would lose their common clock.
    """
    best: dict[str, Mapping[str, Any]] = {}
    for record in records:
        held = best.setdefault(record.header["boot"], record.header)
        if record.header.get("server_error", 0.0) < held.get("server_error", 0.0):
            best[record.header["boot"]] = record.header
    if len(best) < 2:
        return {boot: (header["anchor"], 0.0) for boot, header in best.items()}
    return {
        boot: (
            header["anchor"] + round(header.get("server_offset", 0.0) * NANOSECONDS),
            float(header.get("server_error", 0.0)),
        )
        for boot, header in best.items()
    }


def _close(operations: Operations) -> Operations:
    """What nobody saw the end of may have been decided up to the end of the history.

    That holds for clients that gave up as well: a server that stood still obeys, when it goes on,
    what was sent to it before.
    """
    lost = operations.having(Outcome.UNKNOWN)
    if not lost.any():
        return operations
    end = max(int(operations.invocation.max()), int(operations.response.max()))
    return replace(operations, response=np.where(lost, end, operations.response))
