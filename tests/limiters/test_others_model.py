"""The limiters of other kinds against exact models, on a server whose clock is set by hand."""

from __future__ import annotations

import itertools
from functools import partial
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from limiters.contract import Decision, Quota
from limiters.registry import resolve
from limitproof.servers.virtual import START, VirtualServer
from tests.limiters.models import (
    Bucket,
    Model,
    MonotoneLog,
    PrunedLog,
    SlidingLog,
    TwoCounters,
    VirtualScheduling,
)

MODELS: dict[str, type[Model]] = {
    "lua_atomic": PrunedLog,
    "gcra": VirtualScheduling,
    "token_bucket": Bucket,
    "list_window": MonotoneLog,
    "watch_multi": SlidingLog,
    "two_bucket": TwoCounters,
}
WINDOWS = [1, 2, 3, 7, 1000, 999_999, 60_000_000]  # microseconds
relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
each = pytest.mark.parametrize("name", MODELS)


@st.composite
def stories(draw: st.DrawFn, *, backwards: bool) -> tuple[int, int, list[tuple[int, int]]]:
    """A limit, a window, and requests: so many microseconds after the last, at this cost."""
    limit, window = draw(st.integers(1, 6)), draw(st.sampled_from(WINDOWS))
    edges = [0, 0, 1, window // limit, window // limit + 1, window - 1, window, window + 1]
    steps = st.sampled_from([*edges, *([-1, -window] if backwards else [])]) | st.integers(
        -window if backwards else 0, 3 * window
    )
    return limit, window, draw(st.lists(st.tuples(steps, st.integers(1, limit + 1)), max_size=30))


@pytest.fixture
def keys() -> itertools.count[int]:
    return itertools.count()


class Played:
    """A limiter and its model on one key that nobody else has, and the hand on the clock."""

    def __init__(
        self,
        virtual: VirtualServer,
        client: redis.Redis,
        name: str,
        limit: int,
        window: int,
        key: str,
    ) -> None:
        self.virtual, self.client, self.key, self.now = virtual, client, key, START
        made: Any = resolve(name).factory
        self.limiter = made(client, Quota(limit, window / 1_000_000), lambda: 0.0)
        self.model = MODELS[name](limit, window)
        client.delete(key)
        virtual.set(self.now)

    def request(self, step: int, cost: int) -> Decision:
        """Both are asked, and answer alike."""
        self.now += step
        self.virtual.set(self.now)
        decision: Decision = self.limiter.acquire(self.key, cost)
        assert decision == self.model.acquire(self.now, cost)
        return decision


@pytest.mark.parametrize("name", [name for name in MODELS if name != "lua_atomic"])
@relaxed
@given(story=stories(backwards=True))
def test_same_answers_when_the_clock_steps_back(
    name: str,
    virtual: VirtualServer,
    virtual_client: redis.Redis,
    keys: itertools.count[int],
    story: tuple[int, int, list[tuple[int, int]]],
) -> None:
    limit, window, requests = story
    key = f"{name} back {next(keys)}"
    played = Played(virtual, virtual_client, name, limit, window, key)
    for step, cost in requests:
        played.request(step, cost)
        virtual_client.persist(key)  # one that has expired would not come back with the clock
    virtual_client.delete(key)


@each
@relaxed
@given(story=stories(backwards=False))
def test_same_answers_as_the_model(
    name: str,
    virtual: VirtualServer,
    virtual_client: redis.Redis,
    keys: itertools.count[int],
    story: tuple[int, int, list[tuple[int, int]]],
) -> None:
    """Besides: idle keys vanish, refusals write nothing; and, when the story is told once more,
    waiting is enough, and a microsecond less is not.
    """
    limit, window, requests = story
    told = partial(Played, virtual, virtual_client, name, limit, window)
    idle_keys_vanish_and_refusals_write_nothing(told(f"{name} {next(keys)}"), requests, window)
    waiting_is_enough_and_a_microsecond_less_is_not(told(f"{name} {next(keys)}"), requests, limit)


def idle_keys_vanish_and_refusals_write_nothing(
    played: Played, requests: list[tuple[int, int]], window: int
) -> None:
    client, key = played.client, played.key
    # two_bucket: the end of the window after this one
    longest = 2 * window if isinstance(played.model, TwoCounters) else window
    for step, cost in requests:
        before = client.pexpiretime(key)
        decision = played.request(step, cost)
        expires = client.pexpiretime(key)
        assert expires != -1
        if decision.allowed:
            assert played.now < expires * 1000 < played.now + longest + 1001
        else:
            assert expires in (before, -2)
    played.virtual.set(played.now + 2 * window + 2000)
    assert client.exists(key) == 0


def waiting_is_enough_and_a_microsecond_less_is_not(
    played: Played, requests: list[tuple[int, int]], limit: int
) -> None:
    for step, cost in requests:
        decision = played.request(step, cost)
        if decision.retry_after is None:
            assert decision.allowed or cost > limit
            continue
        wait = round(decision.retry_after * 1_000_000)
        assert wait >= 1
        assert not played.request(wait - 1, cost).allowed
        assert played.request(1, cost).allowed


@relaxed
@given(story=stories(backwards=False))
def test_gcra_is_a_token_bucket(story: tuple[int, int, list[tuple[int, int]]]) -> None:
    """Two programs for one promise: the models answer alike, hence the limiters."""
    limit, window, requests = story
    one, other, now = VirtualScheduling(limit, window), Bucket(limit, window), START
    for step, cost in requests:
        now += step
        assert one.acquire(now, cost) == other.acquire(now, cost)
