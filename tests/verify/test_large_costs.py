"""Costs in the thousands: a script adds their entries in parts, and may drop one, or fail."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis

from limiters import lua_atomic
from limiters.contract import Clock, Quota
from limiters.lua_atomic import LuaAtomic
from limiters.registry import resolve
from limitproof.check.verdict import Verdict
from limitproof.servers.virtual import VirtualServer
from limitproof.verify.contract import CONTRACT
from limitproof.verify.laboratory import Laboratory, Subject
from limitproof.verify.machine import MODELLED
from limitproof.verify.searches.directed import MANY, large_costs
from limitproof.verify.searches.stage import Stage, Tally

TEXT = (Path(lua_atomic.__file__).parent / LuaAtomic.script).read_text(encoding="utf-8")


class Changed(LuaAtomic):
    """Adds its entries in other parts: `old` is in the script once."""

    old = new = "math.min(start + 1000, cost) - 1"

    def __init__(self, client: redis.Redis, quota: Quota, clock: Clock) -> None:
        super().__init__(client, quota, clock)
        assert TEXT.count(self.old) == 1
        self._script = client.register_script(TEXT.replace(self.old, self.new))


class LeavesOneOut(Changed):
    """A cost of 1,000 is 999 entries."""

    new = "math.min(start + 999, cost) - 1"


class AllAtOnce(Changed):
    """unpack() of 10,000 values is an error."""

    new = "cost - 1"


def laboratory(name: str, server: VirtualServer) -> Laboratory:
    where = name if name.islower() else f"tests.verify.test_large_costs:{name}"
    return Laboratory(Subject(resolve(where), Quota(4, 1.0)), server, 10_000.0)


def found(name: str, server: VirtualServer) -> set[str]:
    """What the models say of the story."""
    opened, wanted = laboratory(name, server), set(MODELLED) - {"weights"}
    with opened.world(quota=Quota(MANY, 1.0)) as world:
        stage = Stage(opened, world, Quota(MANY, 1.0), "packet", wanted, Tally())
        stage.try_out(large_costs)
        assert stage.tally.counts["costs"] == 6
        return set(stage.found)


def test_a_part_that_is_too_short_is_an_overshoot(moving_server: VirtualServer) -> None:
    assert {"overshoot", "remaining"} <= found("LeavesOneOut", moving_server)
    assert CONTRACT.examine(laboratory("LeavesOneOut", moving_server)).result.verdict is (
        Verdict.PASS
    )


def test_too_many_at_once_is_no_decision(moving_server: VirtualServer) -> None:
    result = CONTRACT.examine(laboratory("AllAtOnce", moving_server)).result
    assert result.verdict is Verdict.FAIL
    assert "too many results to unpack" in result.because


@pytest.mark.parametrize(
    "name", ["Changed", "lua_atomic", "gcra", "token_bucket", "list_window", "watch_multi"]
)
def test_right_ones_pass(moving_server: VirtualServer, name: str) -> None:
    assert found(name, moving_server) == set()
    assert CONTRACT.examine(laboratory(name, moving_server)).result.verdict is Verdict.PASS
