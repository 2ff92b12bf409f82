"""Whether a command reads or writes keys, and which, as the server itself tells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from limitproof.simulate.resp import pack, parse

Send = Callable[[bytes, int], bytes]
"""Sends a packet and waits for so many replies."""
NO_KEYS = b"no key arguments"
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


def flags_of(name: str, send: Send) -> Access:
    """Ask with COMMAND INFO; INCR both reads and writes, as does a script."""
    flags = command_flags(name, send)
    writes = b"write" in flags or name in SCRIPTS
    reads = b"readonly" in flags or (writes and name not in BLIND)
    return Access(reads, writes)


def command_flags(name: str, send: Send) -> frozenset[bytes]:
    """The flags of COMMAND INFO ("readonly", "write", …); empty for an unknown command."""
    (told,) = parse(send(pack("COMMAND", "INFO", name), 1))
    return frozenset(map(_as_bytes, _flags(told)))


def keys_of(words: Sequence[bytes], send: Send) -> tuple[frozenset[bytes], frozenset[bytes]] | None:
    """The keys that a command reads only, and those that it may write; None when nobody tells.

    Asks with COMMAND GETKEYSANDFLAGS (Redis 7): RO is read; OW (overwritten), RM (removed) and RW
    are written. Source: https://redis.io/docs/latest/develop/reference/key-specs/
    """
    (told,) = parse(send(pack("COMMAND", "GETKEYSANDFLAGS", *words), 1))
    if isinstance(told, Exception):
        return (frozenset(), frozenset()) if NO_KEYS in str(told).encode() else None
    if not isinstance(told, list):
        return None
    flags = {key: frozenset(map(_as_bytes, flags)) for key, flags in told}
    reads = frozenset(key for key, one in flags.items() if b"RO" in one)
    return reads, frozenset(flags) - reads


def _flags(told: object) -> list[object]:
    """[[name, arity, [flags…], …]], as RESP2 and RESP3 have it; empty for an unknown command."""
    if isinstance(told, list) and told and isinstance(told[0], list):
        return [getattr(flag, "value", flag) for flag in told[0][2]]
    return []


def _as_bytes(flag: object) -> bytes:
    flag = getattr(flag, "value", flag)
    return flag if isinstance(flag, bytes) else str(flag).encode()
