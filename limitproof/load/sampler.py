"""The server's keys over time: bytes, elements and TTL, seen from a connection of our own."""

from __future__ import annotations

import time
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import redis

from limitproof.history.columns import StateSeries

_CARDINALITY: Mapping[str, str] = {
    "zset": "ZCARD", "list": "LLEN", "hash": "HLEN", "set": "SCARD", "stream": "XLEN",
}  # fmt: skip
_BATCH = 500
_Key = bytes | str
"""As Redis tells it: a name need not be text."""


@dataclass(slots=True)
class _Rows:
    """A growing `StateSeries`."""

    names: dict[str, int] = field(default_factory=dict)
    instants: array[int] = field(default_factory=lambda: array("q"))
    columns: tuple[array[int], ...] = field(
        default_factory=lambda: tuple(array("q") for _ in range(5))
    )

    def series(self) -> StateSeries:
        instant, name, size, elements, ttl = (np.array(c, np.int64) for c in self.columns)
        return StateSeries(
            names=tuple(self.names),
            instants=np.array(self.instants, np.int64),
            instant=instant,
            name=name.astype(np.int32),
            size=size,
            elements=elements,
            ttl=ttl,
        )


class Sampler:
    """Samples all keys under given prefixes, one series a prefix.

    It only reads, and only keys under its prefixes: SCAN, TYPE, MEMORY USAGE … SAMPLES 0 (the
    exact size: every element is visited), PTTL and the type's cardinality.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._types: dict[_Key, str] = {}
        self._rows: dict[str, _Rows] = {}

    def sample(self, prefixes: Sequence[str], now: int) -> float:
        """Take one sample of every prefix at the instant `now` (ns); the seconds that it took.

        Raises redis.RedisError when the server is away.
        """
        begun = time.perf_counter()
        for prefix in prefixes:
            rows = self._rows.setdefault(prefix, _Rows())
            rows.instants.append(now)
            found = self._client.scan_iter(match=f"{prefix}*", count=1000)
            keys = list(dict.fromkeys(found))  # SCAN may tell a key twice
            for start in range(0, len(keys), _BATCH):
                self._sample_keys(rows, prefix, keys[start : start + _BATCH], now)
        return time.perf_counter() - begun

    def _sample_keys(self, rows: _Rows, prefix: str, keys: Sequence[_Key], now: int) -> None:
        unknown = [key for key in keys if key not in self._types]
        with self._client.pipeline(transaction=False) as pipe:
            for key in unknown:
                pipe.type(key)
            kinds = [_text(kind) for kind in pipe.execute()]
            self._types.update(zip(unknown, kinds, strict=True))
            for key in keys:
                pipe.memory_usage(key, samples=0)
                pipe.pttl(key)
                counting = _CARDINALITY.get(self._types[key], "EXISTS")
                pipe.execute_command(counting, key)  # type: ignore[no-untyped-call]
            answers = pipe.execute(raise_on_error=False)
        for key, size, ttl, elements in zip(
            keys, answers[::3], answers[1::3], answers[2::3], strict=True
        ):
            if not isinstance(size, int) or not isinstance(elements, int) or ttl == -2:
                self._types.pop(key, None)  # gone in between, or of another type by now
                continue
            name = rows.names.setdefault(_text(key).removeprefix(prefix), len(rows.names))
            for column, value in zip(rows.columns, (now, name, size, elements, ttl), strict=True):
                column.append(value)

    def series(self, prefix: str) -> StateSeries:
        """All samples of a prefix so far; key names without the prefix."""
        return self._rows.get(prefix, _Rows()).series()

    def forget(self, prefix: str) -> None:
        """Drop what is kept of a prefix."""
        self._rows.pop(prefix, None)


def _text(value: object) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
