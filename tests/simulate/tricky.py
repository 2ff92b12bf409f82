"""Limiters that would make a careless search lie: pass what is wrong, or accuse what is right."""

from __future__ import annotations

import time
from typing import Any

from limiters.base import ClientClockLimiter
from limiters.contract import Decision


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
