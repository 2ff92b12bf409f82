"""A search that is stopped from outside keeps what it has found, and passes nothing."""

from __future__ import annotations

import pytest

from limitproof.simulate.search import complete
from limitproof.simulate.search.complete import Complete
from limitproof.simulate.search.coverage import Progress, Stop, StoppedError, Strategy, stop_of
from limitproof.simulate.search.dpor import Dpor
from limitproof.simulate.search.orders import MOST_ORDERS, Orders, _every_order, how_many
from limitproof.simulate.search.walk import Walk
from tests.simulate.casts import OpenWorld, cast, silent


def stop(progress: Progress) -> None:
    if progress.states == 0 or progress.states > 1000:
        raise StoppedError("stopped by Ctrl-C")


@pytest.mark.parametrize("strategy", [Complete(), Walk()], ids=["complete", "walk"])
def test_a_stopped_search_keeps_what_it_found(world_of: OpenWorld, strategy: Strategy) -> None:
    with world_of(cast("no_prune", 4, 1)) as world:
        found = strategy.search(world, 1, 60.0, stop)
    assert not found.complete
    assert found.stopped == "stopped by Ctrl-C"
    assert found.first is not None


def test_a_search_ends_by_its_time_as_well() -> None:
    assert stop_of(silent, Progress(1, 1, 2.5), 2.0) == Stop("stopped after 2 s", out_of_time=True)
    assert stop_of(silent, Progress(1, 1, 1.5), 2.0) is None


@pytest.mark.parametrize(
    ("seconds", "says"), [(23.7286, "23.7 s"), (30.0, "30 s"), (0.0412, "0.04 s")]
)
def test_a_time_is_told_as_a_person_tells_it(seconds: float, says: str) -> None:
    stopped = stop_of(silent, Progress(1, 1, 60.0), seconds)
    assert stopped is not None
    assert stopped.why == f"stopped after {says}"


def test_states_that_take_long_do_not_stretch_the_time(
    world_of: OpenWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Time is looked at in each, not only where progress is told."""
    monkeypatch.setattr(complete, "EVERY", 10**9)
    monkeypatch.setattr(complete, "LEAST", 0.0)
    with world_of(cast("no_prune", 4, 1)) as world:
        found = Complete().search(world, 1, 0.0, silent)
    assert found.stopped == "stopped after 0 s"
    assert found.states < 10


@pytest.mark.parametrize("alike", [True, False])
@pytest.mark.parametrize(("clients", "requests"), [(1, 3), (2, 2), (3, 1), (3, 2)])
def test_orders_are_counted_before_they_are_run(
    world_of: OpenWorld, clients: int, requests: int, alike: bool
) -> None:
    with world_of(cast("lua_atomic", clients, requests=requests)) as world:
        runs = sum(1 for _ in _every_order(world, alike=alike))
    assert runs == how_many(clients, requests, alike=alike)


def test_too_many_orders_are_not_begun(
    world_of: OpenWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world_of(cast("lua_atomic", 4, requests=4)) as world:
        monkeypatch.setattr(world, "trace", None)
        orders = Orders(world, alike=True)
    assert orders.why == f"there are more than {MOST_ORDERS:,} orders of the requests"
    assert not orders.ends


def test_orders_are_not_looked_for_longer_than_there_is_time(world_of: OpenWorld) -> None:
    with world_of(cast("lua_atomic", 3, 1)) as world:
        assert Orders(world, alike=False, until=0.0).why == (
            "there was no time for all orders of the requests"
        )
        found = Dpor().search(world, 1, 0.0, silent)
    assert not found.complete
    assert not found.orders
