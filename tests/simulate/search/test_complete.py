"""The complete search sees what brute force sees: as many schedules, and the same ends."""

from __future__ import annotations

from math import factorial

import pytest

from limiters.registry import REGISTRY
from limitproof.history.outcome import Outcome
from limitproof.schedules import Granularity, switches
from limitproof.simulate.cast import Cast
from limitproof.simulate.promised import yardstick_of
from limitproof.simulate.refusal import UncacheableError
from limitproof.simulate.search.complete import Complete
from limitproof.simulate.search.coverage import Coverage, Progress
from limitproof.simulate.search.graph import Graph
from limitproof.simulate.search.paths import count_known_paths, count_paths
from limitproof.simulate.search.program import Programs
from limitproof.simulate.search.walk import Walk
from tests.simulate.casts import OpenWorld, cast, silent
from tests.simulate.enumerate import enumerate_all


def searched(world_of: OpenWorld, chosen: Cast, seconds: float = 30.0) -> Coverage:
    with world_of(chosen) as world:
        return Complete().search(world, chosen.quota.limit, seconds, silent)


IN_REDIS = [entry.name for entry in REGISTRY if entry.name not in ("in_process", "unlimited")]
SLOW = ("add_then_count", "no_prune", "no_prune_fractional_expire")  # 11 million schedules for 3


@pytest.mark.parametrize("limit", [1, 2])
@pytest.mark.parametrize("name", IN_REDIS)
def test_as_brute_force_for_every_limiter(world_of: OpenWorld, name: str, limit: int) -> None:
    clients = 2 if name in SLOW else 3
    check(world_of, cast(name, clients, limit))


@pytest.mark.parametrize(
    ("name", "clients", "limit", "requests", "granularity"),
    [
        ("pipeline", 2, 1, 1, "command"),
        ("pipeline_cleanup_steals", 2, 1, 1, "command"),
        ("pipeline_no_cleanup", 3, 1, 1, "command"),
        ("no_prune", 3, 1, 1, "packet"),
        ("CountThenAdd", 2, 1, 1, "packet"),
        ("get_set_json", 2, 2, 2, "packet"),
        ("no_prune", 2, 2, 2, "packet"),
        ("pipeline", 2, 1, 2, "packet"),
        ("transaction_random_member", 3, 2, 2, "packet"),
        ("lua_atomic", 2, 1, 2, "packet"),
        ("fixed_window_crash", 2, 1, 2, "packet"),
    ],
)
def test_as_brute_force_in_other_worlds(
    world_of: OpenWorld,
    name: str,
    clients: int,
    limit: int,
    requests: int,
    granularity: Granularity,
) -> None:
    check(world_of, cast(name, clients, limit, requests=requests, granularity=granularity))


@pytest.mark.parametrize("name", ["get_set_json", "lua_atomic_client_clock", "no_prune"])
def test_as_brute_force_when_a_clock_is_off(world_of: OpenWorld, name: str) -> None:
    check(world_of, cast(name, 3, 1, offsets=(0, 0, 1_500_000)))


def test_a_client_ahead_forgets_who_was_admitted(world_of: OpenWorld) -> None:
    """More than a window ahead: it prunes what is still young, though the script is atomic."""
    off = searched(world_of, cast("lua_atomic_client_clock", offsets=(0, 1_500_000)))
    assert off.first is not None
    assert off.first.choices == (0, 1)
    assert searched(world_of, cast("lua_atomic", offsets=(0, 1_500_000))).first is None


@pytest.mark.parametrize(
    ("name", "clients", "limit", "requests", "moves"),
    [
        ("get_set_json", 2, 1, 1, 1),
        ("lua_atomic", 2, 1, 1, 2),
        ("lua_atomic_client_clock", 2, 1, 1, 2),
        ("lua_conditional_client_clock", 2, 1, 1, 1),
        ("lua_same_millisecond", 2, 1, 1, 2),
        ("fixed_window", 2, 1, 1, 2),
        ("fixed_window_setex", 2, 1, 1, 1),
        ("transaction_random_member", 2, 1, 1, 1),
        ("pipeline", 2, 1, 1, 1),
        ("no_prune", 2, 1, 1, 1),
        ("ExpiresBetween", 2, 1, 1, 1),
        ("lua_atomic", 1, 1, 3, 2),
        ("fixed_window_crash", 1, 1, 2, 2),
        ("get_set_json", 1, 1, 2, 2),
        ("SleepsAndCounts", 2, 1, 1, 1),
    ],
)
def test_as_brute_force_when_the_clock_moves(
    moving_world_of: OpenWorld, name: str, clients: int, limit: int, requests: int, moves: int
) -> None:
    check(moving_world_of, cast(name, clients, limit, requests=requests), moves)


def test_as_brute_force_when_clocks_are_off_and_move(moving_world_of: OpenWorld) -> None:
    check(moving_world_of, cast("lua_atomic_client_clock", offsets=(0, 400_000)), 2)


def check(world_of: OpenWorld, chosen: Cast, moves: int = 0) -> None:
    with world_of(chosen) as world:
        every = enumerate_all(world, chosen.quota.limit, moves)
        found = Complete(moves).search(world, chosen.quota.limit, 30.0, silent)
    assert found.complete
    assert found.moves == moves
    assert found.schedules == every.schedules
    assert found.outcomes == every.outcomes
    assert found.overshooting == every.overshooting
    assert found.refusing == every.refusing
    assert (found.worst.measure if found.worst else 0) == every.worst
    if not moves and chosen.clients * chosen.requests == chosen.quota.limit + 1:
        # A witness ends where it overshoots: here that takes all requests. No run has fewer turns.
        assert (switches(found.first.choices) if found.first else None) == every.fewest


@pytest.mark.parametrize(
    ("name", "clients", "limit", "schedules", "bad", "worst"),
    [
        # docs: CHECKING §2, the same counts by another program
        ("lua_atomic", 5, 1, 120, 0, 0),
        ("get_set_json", 4, 1, 1_176, 1_152, 3),
        ("get_set_json", 5, 4, 113_400, 113_280, 1),
        ("fixed_window", 6, 2, factorial(6), 0, 0),
    ],
)
def test_reference_counts(
    world_of: OpenWorld, name: str, clients: int, limit: int, schedules: int, bad: int, worst: int
) -> None:
    found = searched(world_of, cast(name, clients, limit))
    assert (found.schedules, found.overshooting) == (schedules, bad)
    assert (found.worst.measure if found.worst else 0) == worst


def test_on_the_way_it_tells_states_and_the_schedules_they_stand_for(world_of: OpenWorld) -> None:
    """Three steps each, whatever happens: (3n)! / 3!^n schedules."""
    told: list[Progress] = []
    with world_of(cast("no_prune", 4)) as world:
        found = Complete().search(world, 1, 60.0, told.append)
    assert found.complete
    assert (found.schedules, found.overshooting) == (factorial(12) // 6**4, 302_400)
    assert (found.worst.measure if found.worst else 0) == 3
    assert told
    assert [one.states for one in told] == sorted(one.states for one in told)
    assert all(one.states <= found.states for one in told)
    assert [one.schedules for one in told] == sorted(one.schedules for one in told)
    assert 0 < told[-1].schedules < found.schedules


def test_clients_that_are_alike_are_explored_once(world_of: OpenWorld) -> None:
    assert searched(world_of, cast("lua_atomic", 8, 4)).states == 9
    assert searched(world_of, cast("get_set_json", 4)).states == 25


def test_names_drawn_at_random_do_not_keep_clients_apart(world_of: OpenWorld) -> None:
    """Four steps of four clients with uuids as members: without symmetry there are thousands."""
    assert searched(world_of, cast("CountThenAdd", 4)).states < 300


def test_two_searches_are_equal(world_of: OpenWorld) -> None:
    one, other = (searched(world_of, cast("pipeline", 2, granularity="command")) for _ in "ab")
    assert one == other


def test_a_search_without_time_is_not_complete(world_of: OpenWorld) -> None:
    found = searched(world_of, cast("get_set_json", 6, 3), 0.0)
    assert not found.complete
    assert "stopped" in found.stopped
    assert found.schedules == 0


def test_what_a_connection_remembers_is_not_cached(world_of: OpenWorld) -> None:
    with pytest.raises(UncacheableError, match="WATCH"):
        searched(world_of, cast("Watching"))


def test_walks_find_the_race_and_prove_nothing(world_of: OpenWorld) -> None:
    with world_of(cast("get_set_json", 3)) as world:
        found = Walk(most=50).search(world, 1, 30.0, silent)
    assert not found.complete
    assert found.first is not None
    assert found.schedules == 50


@pytest.mark.parametrize(
    ("far", "told"), [(1_000_000, Outcome.REJECTED), (1_001_000, Outcome.ADMITTED)]
)
def test_a_key_lives_through_its_last_millisecond(
    moving_world_of: OpenWorld, far: int, told: Outcome
) -> None:
    """As on a server that was never put back: there, too, it ends only after that."""
    with moving_world_of(cast("fixed_window")) as world:
        graph = Graph(world, Programs(world), yardstick_of(world.cast))
        state = graph.start
        for choice in (0, -far, 1):
            edge = graph.step(state, choice)
            state = edge.target
        choices = [0, -far, 1]
        trace = world.trace(lambda _: choices.pop(0) if choices else None)
    answers = sorted(graph.states[state].answers)
    assert answers == sorted(((Outcome.ADMITTED,), (told,)))
    assert sorted(trace.answers) == answers


def test_the_clock_moves_to_what_is_of_interest(moving_world_of: OpenWorld) -> None:
    """First the end of a window of the calendar; then the window's edge, the key's, and 1 ms."""
    with moving_world_of(cast("get_set_json", offsets=(0, 500_000))) as world:
        graph = Graph(world, Programs(world), yardstick_of(world.cast))
        assert graph.moves(graph.start) == (-999_000,)
        late = graph.step(graph.start, -999_000).target
        assert graph.moves(late) == ()
        state = graph.step(graph.start, 0).target
        moves = [-one // 1000 for one in graph.moves(state)]
    assert moves == [1, 499, 500, 501, 999, 1000, 1001, 1499, 1500, 1501]


@pytest.mark.parametrize("moves", [0, 1])
def test_once_all_is_seen_the_known_schedules_are_all(
    moving_world_of: OpenWorld, moves: int
) -> None:
    """Without a step on the server, as a look on the way must be."""
    with moving_world_of(cast("get_set_json", 2)) as world:
        graph = Graph(world, Programs(world), yardstick_of(world.cast))
        assert count_known_paths(graph, moves) == 0
        (every,) = count_paths(graph, moves)
        steps = graph.steps
        assert count_known_paths(graph, moves) == every > 0
        assert graph.steps == steps
