"""Lua scripts that are atomic, as one should be, and wrong all the same."""

from __future__ import annotations

import os
import random

import redis

from limiters.base import ClientClockLimiter, lua_script
from limiters.contract import Clock, Decision, Quota


class LuaConditionalClientClock(ClientClockLimiter):
    """Conditional add on the client's clock: hosts whose clocks differ overshoot or starve."""

    def __init__(self, client: redis.Redis, quota: Quota, clock: Clock) -> None:
        super().__init__(client, quota, clock)
        self._script = lua_script(client, "lua_conditional_client_clock.lua")
        self._counter = 0

    def acquire(self, key: str) -> Decision:
        """One round trip."""
        now = self.now()
        unique = f"{os.getpid()}-{self._counter}-{random.getrandbits(31):08x}"
        self._counter += 1
        count, oldest, added = self._script(keys=[key], args=[now, self.window, self.limit, unique])
        wait = None if added else (oldest + self.window - now) / 1000
        return Decision(bool(added), self.left(count + added), wait)


class LuaUnconditionalAdd(ClientClockLimiter):
    """Adds before it counts: refused requests are stored, equal milliseconds are one member.

    Limit 1, a request every half window: only the first is ever admitted.
    """

    def __init__(self, client: redis.Redis, quota: Quota, clock: Clock) -> None:
        super().__init__(client, quota, clock)
        self._script = lua_script(client, "lua_unconditional_add.lua")

    def acquire(self, key: str) -> Decision:
        """One round trip."""
        now = self.now()
        count, oldest = self._script(keys=[key], args=[now, self.window])
        allowed = count <= self.limit
        wait = None if allowed else (oldest + self.window - now) / 1000
        return Decision(allowed, self.left(count), wait)


class LuaSameMillisecond(ClientClockLimiter):
    """The clock is the member: limit 1, a thousand requests in one millisecond are admitted."""

    def __init__(self, client: redis.Redis, quota: Quota, clock: Clock) -> None:
        super().__init__(client, quota, clock)
        self._script = lua_script(client, "lua_same_millisecond.lua")

    def acquire(self, key: str) -> Decision:
        """One round trip."""
        count = self._script(keys=[key], args=[self.now(), self.window])
        return Decision(count <= self.limit, self.left(count))


class LuaSequenceLeak(ClientClockLimiter):
    """Admits rightly, but numbers its members with a side key that never expires."""

    def __init__(self, client: redis.Redis, quota: Quota, clock: Clock) -> None:
        super().__init__(client, quota, clock)
        self._script = lua_script(client, "lua_sequence_leak.lua")

    def acquire(self, key: str) -> Decision:
        """One round trip."""
        now = self.now()
        count, added, reset = self._script(keys=[key], args=[now, self.window, self.limit])
        return Decision(bool(added), self.left(count), None if added else (reset - now) / 1000)
