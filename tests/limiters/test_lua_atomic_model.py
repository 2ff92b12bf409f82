"""The script against ten lines of Python that say what a sliding window log is."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from limiters.contract import Decision, Quota
from limiters.lua_atomic import LuaAtomicClientClock

if TYPE_CHECKING:
    from tests.limiters.conftest import HandClock

WINDOW = 60_000_000


class SlidingLog:
    """The specification: instants in microseconds of what was admitted."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.log: list[int] = []

    def acquire(self, now: int, cost: int) -> Decision:
        self.log = sorted(instant for instant in self.log if instant > now - WINDOW)
        left = self.limit - len(self.log)
        if cost <= left:
            self.log += [now] * cost
            return Decision(True, left - cost)
        if cost > self.limit:
            return Decision(False, left)
        return Decision(False, left, (self.log[cost - left - 1] + WINDOW - now) / 1_000_000)


# Steps that meet at the window's edge, backwards too, and any other.
steps = st.sampled_from([0, 0, 1, -1, WINDOW // 2, WINDOW - 1, WINDOW, WINDOW + 1]) | st.integers(
    -WINDOW, 2 * WINDOW
)


@pytest.fixture
def fresh_keys() -> itertools.count[int]:
    return itertools.count()


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(limit=st.integers(1, 6), requests=st.lists(st.tuples(steps, st.integers(1, 7)), max_size=40))
def test_same_answers_as_the_model(
    client: redis.Redis,
    clock: HandClock,
    fresh_keys: itertools.count[int],
    limit: int,
    requests: list[tuple[int, int]],
) -> None:
    clock.microseconds = clock.START
    limiter = LuaAtomicClientClock(client, Quota(limit, WINDOW / 1_000_000), clock)
    model = SlidingLog(limit)
    key = f"key {next(fresh_keys)}"
    for step, cost in requests:
        clock.microseconds += step
        assert limiter.acquire(key, cost) == model.acquire(clock.microseconds, cost)
        assert client.zcard(key) == len(model.log)
