"""Whether a command reads or writes keys, as the server itself tells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from limitproof.simulate.resp import pack, parse

SCRIPTS = frozenset({"EVAL", "EVALSHA", "FCALL"})
BLIND = frozenset(
    {"SET", "SETEX", "PSETEX", "DEL", "UNLINK", "EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT"}
    | {"PERSIST", "ZADD", "ZREM", "RPUSH", "LPUSH", "HSET", "SADD"}
)
"""Writers whose reply tells nothing that a limiter decides on."""


@dataclass(frozen=True, slots=True)
class Access:
    reads: bool
    writes: bool


def flags_of(name: str, send: Callable[[bytes, int], bytes]) -> Access:
    """Ask with COMMAND INFO; INCR both reads and writes, as does a script."""
    (told,) = parse(send(pack("COMMAND", "INFO", name), 1))
    flags = {flag if isinstance(flag, bytes) else str(flag).encode() for flag in _flags(told)}
    writes = b"write" in flags or name in SCRIPTS
    reads = b"readonly" in flags or (writes and name not in BLIND)
    return Access(reads, writes)


def _flags(told: object) -> list[object]:
    """[[name, arity, [flags…], …]], as RESP2 and RESP3 have it; empty for an unknown command."""
    if isinstance(told, list) and told and isinstance(told[0], list):
        return [getattr(flag, "value", flag) for flag in told[0][2]]
    return []
