"""What the reference limiters share: the client's clock, names, units, Lua scripts."""

from __future__ import annotations

import math
import uuid
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.commands.core import Script
from redis.retry import Retry

from limiters.contract import Clock, Quota


class ClientClockLimiter:
    """Keeps client, quota and clock; tells the time in whole milliseconds, as JavaScript does."""

    def __init__(self, client: redis.Redis, quota: Quota, clock: Clock) -> None:
        self.client = client
        self.limit = quota.limit
        self.window = quota.window_ms
        self.clock = clock

    def now(self) -> int:
        """Milliseconds since the epoch on this client's clock, cut off (not rounded)."""
        return int(self.clock() * 1000)

    @property
    def whole_seconds(self) -> int:
        """The window in whole seconds, rounded up: EXPIRE takes no fraction."""
        return -(-self.window // 1000)

    def left(self, count: int) -> int:
        """What remains of the limit after `count` requests, never below 0."""
        return max(0, self.limit - count)


class UniqueMembers:
    """Names the members of a sorted set so that no two requests anywhere share one.

    One random token for each limiter and a counter: two requests in one millisecond stay two
    members ("now" alone makes them one, which undercounts). The token is drawn once, when the
    limiter is made, so that a replay with the same token sends the same bytes. Make the limiter
    after a fork, not before: parent and child would share the token.
    """

    def __init__(self) -> None:
        self._token = uuid.uuid4().hex
        self._count = 0

    def name(self, now: int) -> str:
        """A member that was never named before."""
        self._count += 1
        return f"{now}:{self._token}:{self._count}"


def nonce() -> str:
    """A name for one request, drawn anew for each: 122 random bits.

    Not a token and a counter: two threads that share a limiter may count alike, and so do the two
    sides of a fork. Their requests would be taken for one that was sent twice.
    """
    return uuid.uuid4().hex


def whole_cost(cost: int) -> int:
    """The cost as it is. Raises ValueError when it is not a whole number of at least 1."""
    if isinstance(cost, bool) or not isinstance(cost, int) or cost < 1:
        raise ValueError(f"cost must be a whole number of at least 1, not {cost!r}")
    return cost


def window_microseconds(quota: Quota) -> int:
    """The window in whole microseconds, rounded up: a window is never cut short.

    The inner round drops what the product of two floats adds: 0.07 * 1e6 = 70000.00000000001.
    """
    return math.ceil(round(quota.window * 1_000_000, 3))


def exact_in_lua(quota: Quota, number: int) -> int:
    """A number that Lua has to compute with, as it is.

    Raises ValueError from 2^53 on: Lua's numbers are doubles, exact up to there.
    """
    if number >= 2**53:
        raise ValueError(
            f"{quota} needs whole numbers up to {number}, and Lua's are exact below 2^53; "
            "use a smaller limit or a shorter window"
        )
    return number


def sent_once(client: redis.Redis) -> redis.Redis:
    """The same client, which from now on sends nothing a second time by itself.

    For a script that would debit again. redis-py sends a command again when the connection breaks
    before the reply; without that the caller gets the ConnectionError, and knows what is true: that
    nobody knows whether the request was debited. Holds for all that uses this client.
    """
    client.set_retry(Retry(NoBackoff(), 0))
    return client


def seconds_as_written(milliseconds: int) -> str:
    """Milliseconds / 1000 as JavaScript writes the number: no ".0", the fraction as it is."""
    return repr(milliseconds / 1000).removesuffix(".0")


def lua_script(client: redis.Redis, file_name: str) -> Script:
    """The script in `file_name` beside this file (or at an absolute path), called by its digest.

    redis-py loads it again when the server has forgotten it (SCRIPT FLUSH, a restart).
    """
    text = (Path(__file__).parent / file_name).read_text(encoding="utf-8")
    return client.register_script(text)


def send(client: redis.Redis, *words: str | int) -> Any:
    """Send a command as it is spelt here.

    redis-py deprecates setex(), sends INCRBY k 1 for incr(), and types expire() for whole numbers.
    """
    return client.execute_command(*words)  # type: ignore[no-untyped-call]
