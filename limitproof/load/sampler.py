"""The server's keys over time: bytes, elements and TTL, seen from a connection of our own."""

from __future__ import annotations

import re
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
    """Samples the keys that hold given prefixes, one series a prefix.

    A prefix may stand anywhere in a key: `limits`, for one, puts a namespace of its own before it.
    On a server that is all `ours`, keys without any prefix (a limiter may hash its keys, or keep
    an index) belong to the prefix that was last in the list when they were first seen.

    It only reads: SCAN, TYPE, MEMORY USAGE … SAMPLES 0 (the exact size: every element is
    visited), PTTL and the type's cardinality.
    """

    def __init__(self, client: redis.Redis, *, ours: bool = False) -> None:
        self._client = client
        self._ours = ours
        self._strays: dict[_Key, str] = {}
        self._types: dict[_Key, str] = {}
        self._rows: dict[str, _Rows] = {}

    def sample(self, prefixes: Sequence[str], now: int) -> float:
        """Take one sample of every prefix at the instant `now` (ns); the seconds that it took.

        Raises redis.RedisError when the server is away.
        """
        begun = time.perf_counter()
        for prefix in prefixes:
            self._rows.setdefault(prefix, _Rows()).instants.append(now)
        for prefix, keys in self._find(prefixes).items():
            for start in range(0, len(keys), _BATCH):
                self._sample_keys(prefix, keys[start : start + _BATCH], now)
        return time.perf_counter() - begun

    def _find(self, prefixes: Sequence[str]) -> dict[str, list[_Key]]:
        """The keys of each prefix, each once: SCAN may tell a key twice."""
        keys: dict[str, list[_Key]] = {prefix: [] for prefix in prefixes}
        patterns = ["*"] if self._ours else [pattern_of(prefix) for prefix in prefixes]
        scans = (self._client.scan_iter(match=pattern, count=1000) for pattern in patterns)
        for key in dict.fromkeys(key for scan in scans for key in scan):
            text = _text(key)
            owner = next((prefix for prefix in self._rows if prefix in text), None)
            if owner is None and prefixes:
                owner = self._strays.setdefault(key, prefixes[-1])
            if owner in keys:
                keys[owner].append(key)
        return keys

    def _sample_keys(self, prefix: str, keys: Sequence[_Key], now: int) -> None:
        rows = self._rows[prefix]
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
            name = rows.names.setdefault(_text(key).replace(prefix, "", 1), len(rows.names))
            for column, value in zip(rows.columns, (now, name, size, elements, ttl), strict=True):
                column.append(value)

    def series(self, prefix: str) -> StateSeries:
        """All samples of a prefix so far; key names without the prefix."""
        return self._rows.get(prefix, _Rows()).series()

    def forget(self, prefix: str) -> None:
        """Drop the samples of a prefix; keys of its that are still there stay its own."""
        self._rows[prefix] = _Rows()


def pattern_of(prefix: str) -> str:
    """A glob pattern of Redis for the keys that hold a prefix anywhere."""
    literal = re.sub(r"([*?\[\]\\])", r"\\\1", prefix)
    return f"*{literal}*"


def _text(value: object) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
