"""Patterns of races: time that passes between two commands of one client, and no others."""

from __future__ import annotations

import pytest

from limiters.contract import Decision, Quota
from limiters.fixed_window import FixedWindow
from limiters.registry import resolve
from limitproof.check.verdict import Cause
from limitproof.schedules import Granularity
from limitproof.servers.virtual import VirtualServer
from limitproof.verify.laboratory import Laboratory, Subject
from limitproof.verify.machine import MODELLED
from limitproof.verify.searches.races import patterns, race
from limitproof.verify.searches.stage import Stage, Tally


class Apart(FixedWindow):
    """The counter ends after SET NX found it, and INCR makes one that never does."""

    def acquire(self, key: str) -> Decision:
        pipe = self.client.pipeline(transaction=False)
        pipe.set(key, 0, px=self.window, nx=True)
        pipe.incr(key)
        return self.decide(pipe.execute()[1])


class Silent(FixedWindow):
    """The same in a transaction; like the other it tells nobody how long to wait."""

    def acquire(self, key: str) -> Decision:
        pipe = self.client.pipeline(transaction=True)
        pipe.set(key, 0, px=self.window, nx=True)
        pipe.incr(key)
        return self.decide(pipe.execute()[1])


@pytest.mark.parametrize(
    ("name", "granularity", "fails"),
    [("Apart", "command", {"false-rejection"}), ("Apart", "packet", set()),
     ("Silent", "command", set())],
)  # fmt: skip
def test_a_key_that_ends_between_two_commands(
    moving_server: VirtualServer, name: str, granularity: Granularity, fails: set[str]
) -> None:
    subject = Subject(resolve(f"tests.verify.test_races:{name}"), Quota(4, 1.0))
    laboratory = Laboratory(subject, moving_server, 10_000.0)
    with laboratory.world(granularity=granularity) as world:
        stage = Stage(laboratory, world, laboratory.quota, granularity, set(MODELLED), Tally())
        for pattern in patterns(4, stage.window, 2):
            stage.try_out(race(pattern, 4, stage.window))
        assert set(stage.found) == fails
        assert {one.cause for one in stage.found.values()} <= {Cause.RACE}
