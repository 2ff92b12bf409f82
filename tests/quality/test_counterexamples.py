"""Planted races are found, each with the smallest counterexample; what is right stays clean.

A change here is a change of what people see first: a longer counterexample is a worse one. That
none has fewer context switches is compared with brute force in
tests/simulate/search/test_complete.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

import pytest

from limiters.entry import Entry
from limiters.others import OTHERS
from limiters.registry import REGISTRY
from limitproof.schedules import Granularity
from limitproof.simulate.cast import Cast
from limitproof.simulate.search.complete import Complete
from limitproof.simulate.search.coverage import Witness
from tests.simulate.casts import OpenWorld, cast, silent

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
    assert by_turns(found.first.choices) == choices


def by_turns(choices: Iterable[int]) -> tuple[int, ...]:
    """The same with the clients numbered as they first come: it is the same to be read."""
    numbers: dict[int, int] = {}
    return tuple(numbers.setdefault(one, len(numbers)) for one in choices)


def test_the_smallest_mutual_refusal(world_of: OpenWorld) -> None:
    with world_of(cast("add_then_count", 2)) as world:
        found = Complete().search(world, 1, 30.0, silent)
    assert found.first is None
    assert found.refusal is not None
    assert found.refusal.choices == (0, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0)


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


OVER, REFUSED, RAISED = "first", "refusal", "error"


@pytest.mark.parametrize(
    ("name", "clients", "moves", "apart", "kind", "choices"),
    [
        # it finds the counter, this ends, it makes one that never does: refused a window later
        ("ExpiresBetween", 1, 2, 0, REFUSED, (0, 0, 0, -1_001_000, 0, -1_001_000, 0, 0)),
        # B is told that the list is full, the list ends, B reads its last element
        ("ListOfInstants", 2, 1, 0, RAISED, (0, 0, 0, 0, 1, -2_001_000, 1)),
        ("OneAMillisecond", 2, 1, 0, OVER, (0, 1)),
        # A reads and waits; B comes 0.9 s later, so that no two requests begin together
        ("get_set_json", 2, 1, 900_000, OVER, (0, -900_000, 1, 1, 0)),
        ("get_set_json", 2, 1, 999_000, OVER, (0, -999_000, 1, 1, 0)),
    ],
)
def test_the_smallest_that_needs_time(
    moving_world_of: OpenWorld,
    name: str,
    clients: int,
    moves: int,
    apart: int,
    kind: str,
    choices: tuple[int, ...],
) -> None:
    requests = 3 if clients == 1 else 1
    with moving_world_of(cast(name, clients, requests=requests, apart=apart)) as world:
        found = Complete(moves).search(world, 1, 120.0, silent)
    assert found.complete
    assert getattr(found, kind).choices == choices


@pytest.mark.parametrize(
    ("name", "clients", "moves", "apart"),
    [
        ("lua_atomic", 3, 2, 0),
        ("lua_atomic_client_clock", 3, 2, 0),
        ("lua_sequence_leak", 3, 1, 0),
        ("fixed_window", 3, 2, 0),
        ("gcra", 2, 2, 0),
        ("token_bucket", 2, 2, 0),
        ("list_window", 2, 2, 0),
        ("OneAMillisecond", 3, 2, 1_000),  # right as soon as no two ask in one millisecond
        ("get_set_json", 2, 1, 1_000_000),  # a request a window races with nobody
    ],
)
def test_the_right_ones_are_clean_when_the_clock_moves(
    moving_world_of: OpenWorld, name: str, clients: int, moves: int, apart: int
) -> None:
    with moving_world_of(cast(name, clients, apart=apart)) as world:
        found = Complete(moves).search(world, 1, 120.0, silent)
    assert found.complete
    assert found.schedules > 0
    assert (found.first, found.refusal, found.error) == (None, None, None)


WITHOUT_STATES = ("in_process", "watch_multi")  # state in the process; WATCH
BY_STATES = [one for one in (*REGISTRY, *OTHERS) if one.name not in WITHOUT_STATES]


@pytest.mark.parametrize("entry", BY_STATES, ids=lambda entry: entry.name)
def test_nobody_is_accused_of_what_is_not_known(moving_world_of: OpenWorld, entry: Entry) -> None:
    """Two requests for one place, and the clock moves once between any two commands."""
    with moving_world_of(cast(entry.name)) as world:
        found = Complete(1).search(world, 1, 120.0, silent)
    assert found.complete
    shown = {
        "overshoot": found.first, "false-rejection": found.refusal, "contract": found.error,
        "linearizable": found.disorder,
    }  # fmt: skip
    failed = {name: witness for name, witness in shown.items() if witness is not None}
    assert failed.keys() <= set(entry.fails)
    alone = {name for name, witness in failed.items() if witness.sequential}
    assert alone <= {name for name, cause in entry.fails.items() if cause == "algorithm"}


@pytest.mark.parametrize(
    "entry", [one for one in BY_STATES if "linearizable" in one.fails], ids=lambda entry: entry.name
)
def test_an_end_that_no_order_gives_is_found(world_of: OpenWorld, entry: Entry) -> None:
    """Two requests in one instant, for one place or two; a pipeline also command by command."""
    casts = [
        cast(entry.name, 2, limit, granularity=granularity)
        for limit in (1, 2)
        for granularity in get_args(Granularity)
    ]
    found = [end for one in casts if (end := disorder_of(world_of, one)) is not None]
    assert found
    assert not any(end.sequential for end in found)


def disorder_of(world_of: OpenWorld, played: Cast) -> Witness | None:
    with world_of(played) as world:
        found = Complete().search(world, played.quota.limit, 30.0, silent)
    assert found.complete
    return found.disorder
