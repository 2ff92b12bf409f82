"""Keys that become one another."""

from __future__ import annotations

import zlib
from urllib.parse import unquote_plus

from limiters.contract import Decision
from limiters.lua_atomic import LuaAtomic
from tests.verify.experiments.specimens.base import Counter


class Lowercase(LuaAtomic):
    """isolation: "A" and "a" are one."""

    def acquire(self, key: str, cost: int = 1) -> Decision:
        return super().acquire(key.lower(), cost)


class Truncated(LuaAtomic):
    """isolation: what differs beyond the 200th character is one."""

    def acquire(self, key: str, cost: int = 1) -> Decision:
        return super().acquire(key[:200], cost)


class HashedIntoBuckets(LuaAtomic):
    """isolation: there are 4,096 counters for all users."""

    def acquire(self, key: str, cost: int = 1) -> Decision:
        return super().acquire(f"bucket:{zlib.crc32(key.encode()) % 4096}", cost)


class Trimmed(LuaAtomic):
    """isolation: blanks around a key are dropped."""

    def acquire(self, key: str, cost: int = 1) -> Decision:
        return super().acquire(key.strip(), cost)


class Decoded(LuaAtomic):
    """isolation: a key is taken for a part of a URL."""

    def acquire(self, key: str, cost: int = 1) -> Decision:
        return super().acquire(unquote_plus(key), cost)


class WithoutSeparator(LuaAtomic):
    """isolation: a user and what is asked for run together."""

    def acquire(self, key: str, cost: int = 1) -> Decision:
        return super().acquire(key.replace(":", ""), cost)


class SweepsByPattern(Counter):
    """isolation: deletes by a pattern that other keys match as well."""

    def acquire(self, key: str) -> Decision:
        if key.endswith("*"):
            for name in self.client.keys(key):
                self.client.delete(name)
        return super().acquire(key)
