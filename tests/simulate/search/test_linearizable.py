"""Every interleaving has to end as some order of the same requests, one after the other, does."""

from __future__ import annotations

import pytest

from limiters.registry import REGISTRY, Entry
from limitproof.history.outcome import Outcome
from limitproof.schedules import Granularity
from limitproof.simulate.confirm import confirm
from limitproof.simulate.refusal import RefusedError, UncacheableError
from limitproof.simulate.search.complete import Complete
from limitproof.simulate.search.ends import Told, end_of
from limitproof.simulate.search.names import Names
from limitproof.simulate.snapshot import EMPTY
from tests.simulate.casts import OpenWorld, cast, silent

GRANULARITIES: tuple[Granularity, ...] = ("packet", "command")


@pytest.mark.parametrize("entry", REGISTRY, ids=lambda entry: entry.name)
def test_the_registry_says_who_fails(world_of: OpenWorld, entry: Entry) -> None:
    """Three requests for one place. What a cache cannot hold is not compared, and not accused.

    A pipeline fails only where it is taken apart.
    """
    failed: set[Granularity] = set()
    try:
        for granularity in GRANULARITIES:
            with world_of(cast(entry.name, 3, granularity=granularity)) as world:
                found = Complete().search(world, 1, 30.0, silent)
                shown = confirm(world, found.disorder, "linearizable", found)
            assert found.complete
            assert found.orders
            assert (shown is None) == (found.disorder is None)
            failed |= {granularity} if shown is not None else set()
    except (RefusedError, UncacheableError):
        assert not failed
        return
    assert bool(failed) == ("linearizable" in entry.fails)
    if entry.name == "pipeline":
        assert failed == {"command"}


def test_what_was_told_of_the_rest_counts(world_of: OpenWorld) -> None:
    """Whoever asks before the expiry is set is told to come back in -0.001 s: no order gives it."""
    with world_of(cast("fixed_window_crash", 2)) as world:
        found = Complete().search(world, 1, 30.0, silent)
        shown = confirm(world, found.disorder, "linearizable", found)
    assert (found.first, found.refusal) == (None, None)
    assert shown is not None
    assert "B rejected, 0 remaining, retry after -0.001 s" in shown.because
    assert 0 < found.disordered < found.schedules


def test_the_smallest_disorder(world_of: OpenWorld) -> None:
    with world_of(cast("get_set_json", 2)) as world:
        found = Complete().search(world, 1, 30.0, silent)
    assert found.disorder is not None
    assert found.disorder.choices == (0, 1, 1, 0)


def test_who_is_who_does_not_matter() -> None:
    yes, no = (Told(Outcome.ADMITTED, 0),), (Told(Outcome.REJECTED, 0, 1.0),)
    assert end_of((yes, no), EMPTY, Names()) == end_of((no, yes), EMPTY, Names())
    assert end_of((yes, no), EMPTY, Names()) != end_of((yes, yes), EMPTY, Names())
