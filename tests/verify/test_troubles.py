"""Directed stories of faults: who is refused though there is room, after a reply was lost."""

from __future__ import annotations

import redis

from limiters.contract import Clock, Decision, Quota
from limiters.registry import resolve
from limitproof.check.verdict import Cause
from limitproof.servers.virtual import VirtualServer
from limitproof.verify.laboratory import Laboratory, Subject
from limitproof.verify.machine import BY_FAULT
from limitproof.verify.searches.directed import troubled
from limitproof.verify.searches.stage import Stage, Tally

SCRIPT = """
if redis.call('EXISTS', KEYS[1] .. ARGV[1]) == 1 then return 0 end
redis.call('SET', KEYS[1] .. ARGV[1], 1, 'PX', 1000)
return redis.call('INCR', KEYS[1]) <= 4 and 1 or 0
"""


class TakesItForAnother:
    """Knows a request that is sent again, and refuses it."""

    def __init__(self, client: redis.Redis, quota: Quota, clock: Clock) -> None:  # noqa: ARG002
        self._script, self._count = client.register_script(SCRIPT), 0
        self._name = id(self)

    def acquire(self, key: str) -> Decision:
        self._count += 1
        name = f"{self._name}:{self._count}"
        return Decision(bool(self._script(keys=[key], args=[name])))


def found(target: str, server: VirtualServer) -> dict[str, Cause]:
    laboratory = Laboratory(Subject(resolve(target), Quota(4, 1.0)), server, 10_000.0)
    with laboratory.world() as world:
        stage = Stage(laboratory, world, laboratory.quota, "packet", set(BY_FAULT), Tally())
        for direct in troubled(stage.limit, 1):
            stage.try_out(direct)
        assert stage.tally.counts["stories"] == 6  # lost, dropped, dead; with 0 or 3 before
        return {name: one.cause for name, one in stage.found.items()}


def test_a_request_that_is_sent_again_is_not_refused_where_there_is_room(
    moving_server: VirtualServer,
) -> None:
    target = "tests.verify.test_troubles:TakesItForAnother"
    assert found(target, moving_server) == {"false-rejection": Cause.FAULT}


def test_right_ones_pass(moving_server: VirtualServer) -> None:
    for name in ("lua_atomic", "gcra", "fixed_window", "lua_conditional_client_clock"):
        assert found(name, moving_server) == {}
