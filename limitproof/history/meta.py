"""What a history says of itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from limiters.contract import Quota

NANOSECONDS = 1_000_000_000
"""In a second: instants are in the former, the windows of a quota in the latter."""


@dataclass(frozen=True, slots=True)
class Meta:
    """What a history must say of itself, so that judging it needs nothing else.

    limit and window are the quota (window in seconds); promise is {"kind": …, parameters…};
    clock_error is in seconds: instants of different machines are only known to within it;
    interrupted says why the run ended early ("" when it ended by itself); checks names what the
    run was made to show (none: everything); contended names the scenarios in which clients were to
    meet on a key; rate is the open loop's requests a second (None: a
    closed loop).
    """

    limiter: str
    target: str
    limit: int
    window: float
    promise: Mapping[str, Any]
    seed: int
    engine: str
    processes: int
    clients: int
    server: Mapping[str, str]
    created: str = ""
    written_by: str = ""
    clock_error: float = 0.0
    interrupted: str = ""
    checks: Sequence[str] = ()
    contended: Sequence[str] = ()
    rate: float | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Meta:
        """What `asdict` made of one and JSON of that. Raises TypeError, ValueError, KeyError."""
        if not isinstance(data, Mapping):
            raise TypeError(f"{data!r} is no table of names and values")
        lists = {name: tuple(data.get(name, ())) for name in ("checks", "contended")}
        meta = cls(**{**data, **lists})
        Quota(meta.limit, meta.window)
        if not isinstance(meta.seed, int):
            raise TypeError(f"seed is {meta.seed!r}, which is no whole number")
        return meta
