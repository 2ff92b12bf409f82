"""What would make a search lie: each limiter here did, or would without what is tested."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from limitproof.check.verdict import Verdict
from limitproof.simulate import explore as module
from limitproof.simulate.cast import Cast
from limitproof.simulate.explore import Exploration, explore
from limitproof.simulate.search.complete import Complete
from limitproof.simulate.world import World
from tests.simulate.casts import OpenWorld, cast, silent
from tests.simulate.enumerate import enumerate_all


@pytest.fixture(autouse=True)
def _one_server(
    monkeypatch: pytest.MonkeyPatch, world_of: OpenWorld, moving_world_of: OpenWorld
) -> None:
    """Explore on the servers that run already, instead of new ones for each test."""

    @contextmanager
    def opened(chosen: Cast, *, moving: bool = False, **_: Any) -> Iterator[World]:
        with (moving_world_of if moving else world_of)(chosen) as world:
            yield world

    monkeypatch.setattr(module, "open_world", opened)


def explored(target: str, clients: int = 3, limit: int = 1, **more: Any) -> Exploration:
    return explore(cast(f"tests.simulate.tricky:{target}", clients, limit, **more), 20.0, silent)


def test_a_bare_except_does_not_hide_that_it_sleeps() -> None:
    found = explored("FailsOpenOnAnything")
    assert found.verdict(found.overshoot) is Verdict.PASS
    assert "schedules" in found.coverage.sentence


def test_what_catches_its_own_end_is_not_simulated() -> None:
    found = explored("CannotBeEnded")
    assert "it cannot be ended: it catches every exception, and goes on" in found.doubt
    assert found.verdict(found.overshoot) is Verdict.UNKNOWN


def test_what_one_run_leaves_in_the_process_is_not_held_against_it() -> None:
    """Else nobody would be admitted after the rehearsal."""
    found = explored("RemembersRefusals")
    assert "its state is in the process" in found.doubt
    assert found.refusal is None


def test_the_order_of_fields_and_members_is_no_end() -> None:
    found = explored("Registers", 2)
    assert found.disorder is None
    assert found.order_verdict is Verdict.PASS


@pytest.mark.parametrize("target", ["Ranks", "DrawsItsWay", "Registers"])
@pytest.mark.parametrize("seed", range(3))
def test_whose_name_it_is_may_matter(world_of: OpenWorld, target: str, seed: int) -> None:
    """Clients are taken for one another only where that makes no difference."""
    played = cast(f"tests.simulate.tricky:{target}", 2 if target == "Registers" else 3, seed=seed)
    with world_of(played) as world:
        found = Complete().search(world, 1, 30.0, silent)
        real = enumerate_all(world, 1)
    assert (found.schedules, found.overshooting) == (real.schedules, real.overshooting)
    assert found.outcomes == real.outcomes
    assert (found.worst.measure if found.worst else 0) == real.worst


def test_what_other_random_numbers_would_do_is_no_pass() -> None:
    found = explored("ForgetsAtTimes", 2)
    assert "hangs on random numbers" in found.doubt
    assert found.verdict(found.overshoot) is not Verdict.PASS
