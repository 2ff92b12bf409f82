"""Count requests since the first one, and start again when the counter expires."""

from __future__ import annotations

from typing import Any, ClassVar

import redis

from limiters.base import seconds_as_written, send
from limiters.contract import Clock, Decision, Quota
from limiters.promise import FixedWindow as FixedWindowPromise


class FixedWindow:
    """One counter that lives for one window from its first request, on the server's clock.

    Promises a fixed window, not a sliding one: limit 5, one request at 0, four at 0.9 and five
    at 1.1 windows are all admitted, nine of them within a fifth of a window.
    """

    promise: ClassVar[type[FixedWindowPromise]] = FixedWindowPromise

    def __init__(self, client: redis.Redis, quota: Quota, clock: Clock) -> None:  # noqa: ARG002
        self.client = client
        self.limit = quota.limit
        self.window = quota.window_ms

    def acquire(self, key: str) -> Decision:
        """One round trip. SET comes first, so that the counter never lives without an expiry."""
        pipe = self.client.pipeline(transaction=True)
        send(pipe, "SET", key, 0, "PX", self.window, "NX")
        send(pipe, "INCR", key)
        pipe.pttl(key)
        _, count, ttl = pipe.execute()
        return self.decide(count, ttl)

    def decide(self, count: int, ttl: int | None = None) -> Decision:
        """Judge a count that includes this request; `ttl` in milliseconds where it is known.

        Redis drops a key in the millisecond after its last: the counter may live 1 ms longer
        than the wait that is told.
        """
        allowed = self.admits(count)
        wait = None if allowed or ttl is None else ttl / 1000
        return Decision(allowed, max(0, self.limit - count), wait)

    def admits(self, count: int) -> bool:
        """True when the request that made it `count` may pass."""
        return count <= self.limit


class FixedWindowOffByOne(FixedWindow):
    """Refuses when nothing is left after this request, so the last place is never given.

    Limit 5: four are admitted. Limit 1: none, ever.
    """

    def admits(self, count: int) -> bool:
        """True when a place is left after this request: one too few."""
        return self.limit - count > 0


class FixedWindowCrash(FixedWindow):
    """Sets the expiry in a second round trip, after the first request of a window.

    A client that dies in between leaves a counter without an expiry: it reaches the limit and
    the key is refused for ever. Until the expiry is set, PTTL is -1, and a refused client is
    told to retry in -0.001 s.
    """

    def acquire(self, key: str) -> Decision:
        """Two round trips, three for the first request of a window."""
        count = send(self.client, "INCR", key)
        if count == 1:
            self.client.pexpire(key, self.window)
        ttl: Any = self.client.pttl(key)
        return self.decide(count, ttl)


class FixedWindowRefresh(FixedWindow):
    """Starts the time to live anew with every request, refused ones too.

    Limit 1, a request every half window: the counter never expires, and only the first request
    is ever admitted.
    """

    def acquire(self, key: str) -> Decision:
        """One round trip."""
        pipe = self.client.pipeline(transaction=True)
        send(pipe, "INCR", key)
        pipe.pexpire(key, self.window)
        count, _ = pipe.execute()
        return self.decide(count)


class FixedWindowSetex(FixedWindow):
    """Refreshes the expiry, counts, and writes 1 over the counter after the first request.

    Limit 2: A counts 1, B counts 2, A writes 1, C counts 2: three are admitted. A window that is
    not a whole number of seconds is an error from the first command on.
    """

    def acquire(self, key: str) -> Decision:
        """Two round trips, three for the first request of a window."""
        seconds = seconds_as_written(self.window)
        send(self.client, "EXPIRE", key, seconds)
        count = send(self.client, "INCR", key)
        if count == 1:
            send(self.client, "SETEX", key, seconds, 1)
        return self.decide(count)
