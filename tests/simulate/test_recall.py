"""A run that is recalled is the run: byte for byte what the clients do when they go through it."""

from __future__ import annotations

import random

import pytest

from limiters.contract import Quota
from limiters.registry import resolve
from limitproof.schedules import Granularity
from limitproof.simulate.cast import Cast
from limitproof.simulate.recall import Recall
from limitproof.simulate.seat import Seat
from limitproof.simulate.trace import Choose, follow
from tests.simulate.casts import OpenWorld

RUNS = 60
SPECIMENS = "tests/simulate/specimens.py:"


def cast(target: str, requests: int = 1, granularity: Granularity = "packet") -> Cast:
    return Cast(resolve(target), Quota(1, 1.0), 3, requests, granularity=granularity)


@pytest.mark.parametrize(
    ("target", "requests", "granularity"),
    [
        ("get_set_json", 2, "packet"),
        ("pipeline", 1, "command"),
        ("watch_multi", 1, "packet"),
        ("lua_atomic", 2, "packet"),
        ("no_prune", 2, "packet"),
        (SPECIMENS + "WatchesUntilDone", 1, "packet"),
        (SPECIMENS + "WatchesTooLate", 2, "packet"),
        (SPECIMENS + "AsyncCountThenAdd", 1, "packet"),
        (SPECIMENS + "Raises", 2, "packet"),
    ],
)
def test_it_gives_what_a_run_gives(
    world_of: OpenWorld, target: str, requests: int, granularity: Granularity
) -> None:
    live, recalled = random.Random(1), random.Random(1)
    with world_of(cast(target, requests, granularity)) as world, Recall(world) as recall:
        for _ in range(RUNS):
            assert recall.trace(recalled.choice) == world.trace(live.choice)


def test_a_run_that_stops_early_leaves_nothing_watched(world_of: OpenWorld) -> None:
    with world_of(cast("watch_multi")) as world, Recall(world) as recall:
        for length in (1, 2, 3, 1, 2, 3, 30):
            assert recall.trace(follow((0,) * length)) == world.trace(follow((0,) * length))


def test_the_clock_may_move(moving_world_of: OpenWorld) -> None:
    def choices(seed: int) -> Choose:
        source = random.Random(seed)
        return lambda enabled: source.choice([*enabled, -400_000])

    with moving_world_of(cast("get_set_json", 2)) as world, Recall(world) as recall:
        for seed in range(RUNS):
            assert recall.trace(choices(seed)) == world.trace(choices(seed))


def test_a_limiter_that_sleeps_is_run_again(moving_world_of: OpenWorld) -> None:
    with (
        moving_world_of(cast("tests/simulate/edges.py:SleepsAndCounts")) as world,
        Recall(world) as recall,
    ):
        for seed in range(8):
            live, recalled = random.Random(seed), random.Random(seed)
            assert recall.trace(recalled.choice) == world.trace(live.choice)


def test_what_was_gone_through_is_not_gone_through_again(
    world_of: OpenWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world_of(cast("get_set_json")) as world, Recall(world) as recall:
        source = random.Random(2)
        for _ in range(RUNS):
            recall.trace(source.choice)

        def begin(*_: object, **__: object) -> None:
            raise AssertionError("a client was begun again")

        monkeypatch.setattr(Seat, "begin", begin)
        source = random.Random(2)
        for _ in range(RUNS):
            recall.trace(source.choice)
