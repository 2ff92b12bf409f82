"""Count by a range of scores, and never remove what is out of range."""

from __future__ import annotations

import redis

from limiters.base import ClientClockLimiter, UniqueMembers, seconds_as_written, send
from limiters.contract import Clock, Decision, Quota


class NoPrune(ClientClockLimiter):
    """Counts rightly what is in the window, but the set only grows.

    Each request, admitted or not, adds an entry and starts the time to live anew: under steady
    traffic the key never expires and nothing is ever removed. Three more defects of the same
    commands: the count and the add are two steps, so clients that count before either adds are
    all admitted; refused requests count; a client that dies before EXPIRE leaves a key for ever.
    """

    def __init__(self, client: redis.Redis, quota: Quota, clock: Clock) -> None:
        super().__init__(client, quota, clock)
        self._members = UniqueMembers()

    def member(self, now: int) -> str:
        """The name of this request in the sorted set."""
        return self._members.name(now)

    def expiry(self) -> int | str:
        """The seconds that EXPIRE is given."""
        return self.whole_seconds

    def acquire(self, key: str) -> Decision:
        """Three round trips, the same for an admitted and a refused request."""
        now = self.now()
        # Both ends count: an entry of exactly one window is still in, 1 ms more than promised.
        count = len(self.client.zrangebyscore(key, now - self.window, now)) + 1
        self.client.zadd(key, {self.member(now): now})
        send(self.client, "EXPIRE", key, self.expiry())
        return Decision(count <= self.limit, self.left(count))


class NoPruneFractionalExpire(NoPrune):
    """As it was written: member "now", and a number of seconds that may have a fraction.

    With a window of 1.5 s Redis answers "value is not an integer" to EXPIRE 1.5, after the entry
    was added: every request is an error, and the key stays for ever.
    """

    def member(self, now: int) -> str:
        """The clock in milliseconds: not unique."""
        return str(now)

    def expiry(self) -> int | str:
        """Window / 1000 as JavaScript writes it: "1" for 1000, "1.5" for 1500."""
        return seconds_as_written(self.window)
