"""What a connection remembers, and that a run leaves none of it to the next."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest
import redis

from limitproof.simulate.marks import Mark, marked_by
from limitproof.simulate.recall import Recall
from limitproof.simulate.trace import follow
from tests.simulate.casts import OpenWorld, cast

RUNS = 60
NAMES = (b"WATCH k", b"UNWATCH", b"MULTI", b"EXEC", b"DISCARD", b"get k")


def test_it_is_what_the_server_remembers(client: redis.Redis) -> None:
    for line in itertools.product(NAMES, repeat=4):
        with client.client() as one:  # type: ignore[no-untyped-call]
            told: Any = [_said(one, word) for word in (*line, b"CLIENT INFO")]
            one.connection.disconnect()
        mark = marked_by([word.split() for word in line], Mark.NONE)
        assert (told[-1] == b"QUEUED") == (mark is Mark.QUEUES), line
        if mark is not Mark.QUEUES:
            assert (b" watch=1 " in told[-1]) == (mark is Mark.WATCHES), line


def _said(client: redis.Redis, word: bytes) -> Any:
    try:
        return client.execute_command(*word.split())  # type: ignore[no-untyped-call]
    except redis.ResponseError:
        return b""


@pytest.mark.parametrize(
    "name", ["KeepsItsPipeline", "HoldsItself", "KeepsItsConnection", "TidiesUp"]
)
def test_no_run_is_touched_by_the_run_before(name: str, world_of: OpenWorld) -> None:
    """Emptying the server touched the watched key, and the first EXEC failed (seen before)."""
    live, recalled = random.Random(1), random.Random(1)
    one = cast(f"tests.simulate.watching:{name}", requests=2)
    traces = []
    with world_of(one) as world, Recall(world) as recall:
        for _ in range(RUNS):
            traces.append(recall.trace(recalled.choice))
            assert traces[-1] == world.trace(live.choice)
    for trace in traces[::10]:
        with world_of(one) as world:
            assert world.trace(follow(trace.choices)) == trace
