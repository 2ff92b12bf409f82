"""Limiters that would make a careless search lie: pass what is wrong, or accuse what is right."""

from __future__ import annotations

import time
import uuid
from typing import Any, ClassVar

from limiters.base import ClientClockLimiter
from limiters.contract import Decision
from limiters.promise import FixedWindow

COUNT = """
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return {count, redis.call('PTTL', KEYS[1])}
"""


class Counts(ClientClockLimiter):
    """A fixed window, counted by a script. Right."""

    promise: ClassVar[type[FixedWindow]] = FixedWindow

    def count(self, key: str) -> tuple[int, int]:
        """How many there are now, and after how many milliseconds the window ends."""
        counted: Any = self.client.eval(COUNT, 1, key, self.window)
        return int(counted[0]), int(counted[1])

    def acquire(self, key: str) -> Decision:
        return Decision(self.count(key)[0] <= self.limit)


class RemembersRefusals(Counts):
    """Right; what it refused it refuses without Redis for as long as the window lasts."""

    REFUSED: ClassVar[dict[str, int]] = {}

    def acquire(self, key: str) -> Decision:
        if self.REFUSED.get(key, 0) > self.now():
            return Decision(False)
        count, left = self.count(key)
        if count > self.limit:
            self.REFUSED[key] = self.now() + left
        return Decision(count <= self.limit)


class Registers(Counts):
    """Right; who asks is noted in a hash and in a set before it is counted."""

    def acquire(self, key: str) -> Decision:
        name = uuid.uuid4().hex
        self.client.hset(f"{key}:all", name, "1")
        self.client.sadd(f"{key}:names", name)
        return super().acquire(key)


class FailsOpenOnAnything(ClientClockLimiter):
    """Waits a little, counts, and admits on whatever goes wrong. Right at one instant."""

    def acquire(self, key: str) -> Decision:
        try:
            time.sleep(0.001)
            count: Any = self.client.incr(key)
            return Decision(count <= self.limit)
        except:  # noqa: E722 - what it is about
            return Decision(True)


class CannotBeEnded(ClientClockLimiter):
    """Tries again whatever comes, even what would end it."""

    def acquire(self, key: str) -> Decision:
        while True:
            try:
                count: Any = self.client.incr(key)
                return Decision(count <= self.limit)
            except BaseException:  # noqa: BLE001, S112 - what it is about
                continue
