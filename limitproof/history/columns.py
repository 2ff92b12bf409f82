"""A history: what every client asked, when, and what it was told, in columns.

An *operation* is one `acquire`. It was invoked at some instant and answered at a later one; the
limiter decided at an instant in between that nobody saw. All instants are nanoseconds since the
epoch, on one common clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

import numpy as np
import numpy.typing as npt

from limitproof.history.meta import Meta
from limitproof.history.outcome import Outcome

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Operations:
    """Columns of equal length n, one row an operation, in order of invocation.

    process, client, key: int32 numbers (`key` indexes `History.keys`); cost: int32 units of quota;
    invocation, response, intended: int64 ns since the epoch (`intended` is the instant at which an
    open-loop schedule wanted it sent, equal to `invocation` in a closed loop; an operation of
    unknown outcome has the last instant of the history as its response);
    outcome: int8 of `Outcome`; remaining, retry_after: float64, NaN where the limiter did not tell.
    """

    process: Int32s
    client: Int32s
    key: Int32s
    cost: Int32s
    invocation: Int64s
    response: Int64s
    intended: Int64s
    outcome: npt.NDArray[np.int8]
    remaining: Floats
    retry_after: Floats

    def __len__(self) -> int:
        return len(self.invocation)

    def select(self, rows: Bools | Int64s | slice) -> Operations:
        """The rows that a mask, an index array or a slice chooses."""
        return Operations(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    @property
    def sent(self) -> Bools:
        return np.not_equal(self.outcome, Outcome.DROPPED)

    def having(self, outcome: Outcome) -> Bools:
        return np.equal(self.outcome, outcome)

    @classmethod
    def concatenate(cls, parts: Sequence[Operations]) -> Operations:
        """All the rows of several, in order of invocation."""
        if not parts:
            return cls.of([])
        columns = {f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls)}
        order = np.argsort(columns["invocation"], kind="stable")
        return cls(**{name: values[order] for name, values in columns.items()})

    @classmethod
    def of(
        cls,
        invocation: npt.ArrayLike,
        response: npt.ArrayLike | None = None,
        *,
        outcome: npt.ArrayLike = Outcome.ADMITTED,
        **columns: npt.ArrayLike,
    ) -> Operations:
        """Columns from plain sequences, sorted by invocation; what is not given has its default.

        `response` defaults to `invocation` (exact instants, as in a simulation), `intended` too,
        every other number to 0, cost to 1 and what a limiter may leave untold to NaN.
        """
        start = np.asarray(invocation, dtype=np.int64)
        given: dict[str, npt.ArrayLike] = {
            "process": 0, "client": 0, "key": 0, "cost": 1, "invocation": start,
            "response": start if response is None else response, "intended": start,
            "outcome": outcome, "remaining": np.nan, "retry_after": np.nan, **columns,
        }  # fmt: skip
        order = np.argsort(start, kind="stable")
        return cls(
            **{
                name: np.broadcast_to(np.asarray(values, dtype=COLUMN_TYPES[name]), start.shape)[
                    order
                ]
                for name, values in given.items()
            }
        )


COLUMN_TYPES: Mapping[str, npt.DTypeLike] = {
    "process": np.int32, "client": np.int32, "key": np.int32, "cost": np.int32,
    "invocation": np.int64, "response": np.int64, "intended": np.int64,
    "outcome": np.int8, "remaining": np.float64, "retry_after": np.float64,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Key:
    """A rate-limited key as a client named it, and the scenario that it belongs to.

    `clients` is the number of clients that the scenario let loose on this key.
    """

    name: str
    scenario: str = ""
    clients: int = 1


@dataclass(frozen=True, slots=True)
class StateSeries:
    """Samples of the server's keys, in columns of equal length, one row a key and sample.

    instant: int64 ns since the epoch (equal for all keys of one sample); name: int32 index into
    `names`, the keys as the server knows them; size: int64 bytes (MEMORY USAGE SAMPLES 0);
    elements: int64 (the cardinality; 1 for a string); ttl: int64 ms, -1 where it never expires.
    `instants` holds every sample's instant, those that saw no key at all included.
    """

    names: tuple[str, ...] = ()
    instants: Int64s = field(default_factory=lambda: np.empty(0, np.int64))
    instant: Int64s = field(default_factory=lambda: np.empty(0, np.int64))
    name: Int32s = field(default_factory=lambda: np.empty(0, np.int32))
    size: Int64s = field(default_factory=lambda: np.empty(0, np.int64))
    elements: Int64s = field(default_factory=lambda: np.empty(0, np.int64))
    ttl: Int64s = field(default_factory=lambda: np.empty(0, np.int64))

    def __len__(self) -> int:
        return len(self.instant)


@dataclass(frozen=True, slots=True)
class History:
    """One limiter's run: operations, the keys they name, the server's state, and what raised.

    `errors` holds a few distinct messages of operations whose outcome is ERROR.
    """

    meta: Meta
    operations: Operations
    keys: tuple[Key, ...]
    state: StateSeries = field(default_factory=StateSeries)
    errors: tuple[str, ...] = ()

    def by_key(self) -> Iterator[tuple[Key, Operations]]:
        """Every key that was used, with its operations in order of invocation."""
        order = np.argsort(self.operations.key, kind="stable")
        used, starts = np.unique(self.operations.key[order], return_index=True)
        for key, rows in zip(used, np.split(order, starts)[1:], strict=True):
            yield self.keys[int(key)], self.operations.select(rows)

    def of_scenario(self, *names: str) -> History:
        """The part of the history that belongs to these scenarios; the state stays whole."""
        wanted = np.array([key.scenario in names for key in self.keys], dtype=np.bool_)
        return replace(self, operations=self.operations.select(wanted[self.operations.key]))
