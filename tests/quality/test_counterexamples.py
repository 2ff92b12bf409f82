"""Planted races are found, each with the smallest counterexample; what is right stays clean.

A change here is a change of what people see first: a longer counterexample is a worse one.
"""

from __future__ import annotations

import pytest

from limitproof.schedules import Granularity, switches
from limitproof.simulate.complete import Complete
from tests.simulate.casts import OpenWorld, cast, silent
from tests.simulate.enumerate import enumerate_all

RACES: tuple[tuple[str, Granularity, int, int, tuple[int, ...]], ...] = (
    ("get_set_json", "packet", 3, 1, (0, 1, 1, 0)),
    ("no_prune", "packet", 3, 1, (0, 1, 1, 1, 0, 0)),
    ("pipeline", "command", 3, 1, (0, 0, 1, 1, 1, 1, 1, 0, 0, 0)),
    ("fixed_window_setex", "packet", 3, 2, (0, 0, 1, 1, 0, 2, 2)),
    ("CountThenAdd", "packet", 3, 1, (0, 0, 1, 1, 1, 1, 0, 0)),
)


@pytest.mark.parametrize(("name", "granularity", "clients", "limit", "choices"), RACES)
def test_the_smallest_overshoot(
    world_of: OpenWorld,
    name: str,
    granularity: Granularity,
    clients: int,
    limit: int,
    choices: tuple[int, ...],
) -> None:
    with world_of(cast(name, clients, limit, granularity=granularity)) as world:
        found = Complete().search(world, limit, 30.0, silent)
    assert found.complete
    assert found.first is not None
    assert found.first.choices == choices


def test_the_smallest_mutual_refusal(world_of: OpenWorld) -> None:
    with world_of(cast("add_then_count", 2)) as world:
        found = Complete().search(world, 1, 30.0, silent)
    assert found.first is None
    assert found.refusal is not None
    assert found.refusal.choices == (0, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0)


@pytest.mark.parametrize(
    ("name", "limit"), [("get_set_json", 1), ("no_prune", 1), ("fixed_window_setex", 2)]
)
def test_no_schedule_overshoots_with_fewer_switches(
    world_of: OpenWorld,
    name: str,
    limit: int,
) -> None:
    clients = limit + 1
    with world_of(cast(name, clients, limit)) as world:
        found = Complete().search(world, limit, 30.0, silent)
        every = enumerate_all(world, limit)
    assert found.first is not None
    assert switches(found.first.choices) == every.fewest


@pytest.mark.parametrize("name", ["lua_atomic", "lua_atomic_client_clock", "fixed_window"])
@pytest.mark.parametrize(("clients", "limit"), [(4, 1), (6, 3), (8, 4)])
def test_the_right_ones_are_complete_and_clean(
    world_of: OpenWorld,
    name: str,
    clients: int,
    limit: int,
) -> None:
    with world_of(cast(name, clients, limit)) as world:
        found = Complete().search(world, limit, 30.0, silent)
    assert found.complete
    assert (found.first, found.refusal, found.overshooting, found.refusing) == (None, None, 0, 0)


def test_a_pipeline_that_arrives_whole_is_safe_within_one_instant(
    world_of: OpenWorld,
) -> None:
    with world_of(cast("pipeline", 4, 2)) as world:
        found = Complete().search(world, 2, 30.0, silent)
    assert found.complete
    assert found.first is None
