"""A search that is stopped from outside keeps what it has found, and passes nothing."""

from __future__ import annotations

import pytest

from limitproof.simulate.search.complete import Complete
from limitproof.simulate.search.coverage import Progress, Stop, StoppedError, Strategy, stop_of
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
