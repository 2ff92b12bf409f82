"""What takes an interleaving or a crash: one client acts just before another's next command."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import redis

from limiters.contract import Decision

if TYPE_CHECKING:
    from tests.limiters.conftest import HandClock, Make, Wire


def test_get_set_json_loses_the_other_writer(
    make: Make, wire: Wire, client: redis.Redis, clock: HandClock
) -> None:
    a, b = make("get_set_json"), make("get_set_json")
    told = []
    wire.before("SETEX", lambda: told.append(b.acquire("k")))
    told.append(a.acquire("k"))
    assert told == [Decision(True, 0), Decision(True, 0)]
    assert client.get("k") == b"[%d]" % clock.milliseconds


def test_no_prune_counts_before_it_adds(make: Make, wire: Wire) -> None:
    a, b = make("no_prune"), make("no_prune")
    told = []
    wire.before("ZADD", lambda: told.append(b.acquire("k").allowed))
    told.append(a.acquire("k").allowed)
    assert told == [True, True]


def test_add_then_count_refuses_both(make: Make, wire: Wire) -> None:
    a, b = make("add_then_count"), make("add_then_count")
    told = []
    wire.before("ZCARD", lambda: told.append(b.acquire("k").allowed))
    told.append(a.acquire("k").allowed)
    assert told == [False, False]


def test_pipeline_refuses_because_of_one_that_is_refused(
    make: Make, wire: Wire, clock: HandClock
) -> None:
    a, b = make("pipeline"), make("pipeline")
    told = [a.acquire("k").allowed]
    clock.move(59.9)

    def just_after_the_window() -> None:
        clock.move(0.1)
        told.append(b.acquire("k").allowed)

    wire.before("ZREM", just_after_the_window)
    told.append(a.acquire("k").allowed)
    assert told == [True, False, False]
    assert b.acquire("k").allowed


def test_fixed_window_setex_overwrites_a_concurrent_count(make: Make, wire: Wire) -> None:
    a, b = make("fixed_window_setex", limit=2), make("fixed_window_setex", limit=2)
    told = []
    wire.before("SETEX", lambda: told.append(b.acquire("k").allowed))
    told += [a.acquire("k").allowed for _ in range(3)]
    assert told == [True, True, True, False]


def test_fixed_window_crash_blocks_the_key_for_ever(
    make: Make, wire: Wire, client: redis.Redis
) -> None:
    def dies() -> None:
        raise SystemExit

    wire.before("PEXPIRE", dies)
    with pytest.raises(SystemExit):
        make("fixed_window_crash").acquire("k")
    assert client.pttl("k") == -1
    assert make("fixed_window_crash").acquire("k") == Decision(False, 0, -0.001)
    assert client.pttl("k") == -1
