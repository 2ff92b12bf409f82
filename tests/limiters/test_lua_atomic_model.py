"""lua_atomic on a clock set by hand, backwards too, against its model."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from limiters.contract import Quota
from limiters.lua_atomic import LuaAtomicClientClock
from tests.limiters.models import PrunedLog

if TYPE_CHECKING:
    from tests.limiters.conftest import HandClock

WINDOW = 60_000_000


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
    model = PrunedLog(limit, WINDOW)
    key = f"key {next(fresh_keys)}"
    for step, cost in requests:
        clock.microseconds += step
        assert limiter.acquire(key, cost) == model.acquire(clock.microseconds, cost)
        assert client.zcard(key) == len(model.log)
