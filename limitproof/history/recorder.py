"""The recorder: every operation in a memory-mapped file, so that it survives its process.

A slot is written in two halves: the invocation before the limiter is asked, the answer after. A
process that dies in between (kill -9 included: the pages belong to the kernel) leaves a slot with
an invocation and no answer, which is exactly what is known of that operation.
"""

from __future__ import annotations

import json
import math
import mmap
import os
import struct
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from limitproof.history.columns import Key
from limitproof.history.outcome import Outcome

SLOT = np.dtype(
    [
        ("invocation", "<i8"), ("intended", "<i8"), ("client", "<u4"), ("key", "<u4"),
        ("cost", "<i4"), ("_pad", "<i4"),
        ("response", "<i8"), ("remaining", "<f8"), ("retry_after", "<f8"),
        ("outcome", "<u1"), ("_tail", "V7"),
    ]
)  # fmt: skip
"""One slot of a record file; slot 0 is the file's header, whose `outcome` is 1 once it is full."""

_INVOCATION = struct.Struct("<qqIIi")
_ANSWER = struct.Struct("<qddB")
_SIZE = SLOT.itemsize
_ANSWER_AT = int(SLOT.fields["response"][1])  # type: ignore[index]
_OUTCOME_AT = int(SLOT.fields["outcome"][1])  # type: ignore[index]
_CHUNK = 16_384  # slots; 1 MiB, so that a short run costs little
_MESSAGES = 20  # distinct error messages that are kept


class RecordFullError(OSError):
    """The disk has no room for more of the record; what is recorded stays."""


def wall_anchor() -> int:
    """Nanoseconds to add to the monotonic clock of this machine for the time of day."""
    return time.time_ns() - time.monotonic_ns()


def boot_id() -> str:
    """A name for this machine's monotonic clock: equal for all processes that share it."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return os.uname().nodename


class Recorder:
    """Writes one process's operations of one limiter into `folder`; a context manager.

    Files: NAME.ops (slots), NAME.keys (a JSON list a line: name, scenario, clients), NAME.errors
    (a JSON string a line) and NAME.json (process, clock). Raises RecordFullError when the disk is
    full; the instants that it hands out and takes are nanoseconds since the epoch, from the
    monotonic clock, so that they never run backwards.
    """

    def __init__(self, folder: Path, process: int, clock: Mapping[str, Any] | None = None) -> None:
        self._anchor = wall_anchor()
        name = f"{process}-{os.getpid()}"
        header = {"process": process, "anchor": self._anchor, "boot": boot_id(), **(clock or {})}
        (folder / f"{name}.json").write_text(json.dumps(header))
        self._file = os.open(folder / f"{name}.ops", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        self._key_file = (folder / f"{name}.keys").open("a", buffering=1)
        self._error_file = (folder / f"{name}.errors").open("a", buffering=1)
        self._keys: dict[str, int] = {}
        self._errors: set[str] = set()
        self._chunks: list[mmap.mmap] = []
        self._used = 1  # slot 0 is the header
        try:
            self._grow()
        except RecordFullError:
            self.close()
            raise

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def now(self) -> int:
        """Nanoseconds since the epoch."""
        return time.monotonic_ns() + self._anchor

    def invoked(self, client: int, key: Key, cost: int, intended: int | None = None) -> int:
        """Note that an operation begins now; returns its slot, to be given to `answered`.

        `intended` is when the schedule wanted it (ns since the epoch; now when absent).
        """
        number = self._keys.get(key.name)
        if number is None:
            number = self._add_key(key)
        slot = self._used
        if slot == len(self._chunks) * _CHUNK:
            self._grow()
        self._used = slot + 1
        now = time.monotonic_ns() + self._anchor
        _INVOCATION.pack_into(
            self._chunks[slot // _CHUNK], slot % _CHUNK * _SIZE,
            now, now if intended is None else intended, client, number, cost,
        )  # fmt: skip
        return slot

    def answered(
        self,
        slot: int,
        outcome: Outcome,
        remaining: float | None = None,
        retry_after: float | None = None,
    ) -> None:
        """Note that the operation of this slot ended now, and how."""
        now = time.monotonic_ns() + self._anchor
        _ANSWER.pack_into(
            self._chunks[slot // _CHUNK], slot % _CHUNK * _SIZE + _ANSWER_AT,
            now,
            math.nan if remaining is None else remaining,
            math.nan if retry_after is None else retry_after,
            outcome,
        )  # fmt: skip

    def dropped(self, client: int, key: Key, intended: int) -> None:
        """Note that an operation of an open loop was never sent."""
        self.answered(self.invoked(client, key, 1, intended), Outcome.DROPPED)

    def error(self, message: str) -> None:
        """Keep the message of an operation that failed, the first time that it is seen."""
        if message not in self._errors and len(self._errors) < _MESSAGES:
            self._errors.add(message)
            self._error_file.write(json.dumps(message) + "\n")

    def close(self) -> None:
        """Give the unused end of the file back; what was recorded stays."""
        if self._file < 0:
            return
        for chunk in self._chunks:
            chunk.close()
        os.ftruncate(self._file, self._used * _SIZE if self._chunks else 0)
        os.close(self._file)
        self._file = -1
        self._key_file.close()
        self._error_file.close()

    def _add_key(self, key: Key) -> int:
        number = self._keys[key.name] = len(self._keys)
        self._key_file.write(json.dumps([key.name, key.scenario, key.clients]) + "\n")
        return number

    def _grow(self) -> None:
        offset, size = len(self._chunks) * _CHUNK * _SIZE, _CHUNK * _SIZE
        try:
            # Not ftruncate: writing into a hole of a mapped file on a full disk is a SIGBUS.
            os.posix_fallocate(self._file, offset, size)
        except OSError as error:
            if self._chunks:
                self._chunks[0][_OUTCOME_AT] = 1
            raise RecordFullError(
                error.errno, f"the record could not grow: {error.strerror}"
            ) from error
        self._chunks.append(mmap.mmap(self._file, size, offset=offset))


class Discarder:
    """Takes what a `Recorder` takes and keeps nothing."""

    def now(self) -> int:
        return time.time_ns()

    def invoked(self, client: int, key: Key, cost: int, intended: int | None = None) -> int:  # noqa: ARG002
        return 0

    def answered(
        self,
        slot: int,
        outcome: Outcome,
        remaining: float | None = None,
        retry_after: float | None = None,
    ) -> None:
        pass

    def dropped(self, client: int, key: Key, intended: int) -> None:
        pass

    def error(self, message: str) -> None:
        pass

    def close(self) -> None:
        pass
