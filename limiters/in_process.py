"""A sliding window log in the memory of each process; Redis is never asked."""

from __future__ import annotations

from collections import deque
from threading import Lock

import redis

from limiters.base import ClientClockLimiter
from limiters.contract import Clock, Decision, Quota

_Log = deque[int]
# This store for each process IS the fault of this specimen, and the only mutable global among the
# limiters: all limiters of a process share it (by quota and key) and no other process sees it.
_STORE: dict[tuple[Quota, str], _Log] = {}
_LOCK = Lock()


class InProcess(ClientClockLimiter):
    """Exact within one process; P processes admit P times the limit.

    Limit 1, two processes: each has an empty log and admits one. A log is emptied only when its
    key comes again, so keys that stay away are kept as long as the process lives.
    """

    def __init__(self, client: redis.Redis, quota: Quota, clock: Clock) -> None:
        super().__init__(client, quota, clock)
        self._quota = quota

    def acquire(self, key: str) -> Decision:
        """No round trip. Nothing in the locked part waits, so greenlets are safe as well."""
        now = self.now()
        with _LOCK:
            log = _STORE.setdefault((self._quota, key), deque())
            while log and log[0] <= now - self.window:
                log.popleft()
            if len(log) >= self.limit:
                return Decision(False, 0, (log[0] + self.window - now) / 1000)
            log.append(now)
            return Decision(True, self.left(len(log)))
