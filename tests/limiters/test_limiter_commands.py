"""Each limiter sends the commands of the table of specimens, round trip by round trip.

`|` separates round trips, `[a; b]` is a pipeline, `{a; b}` is MULTI/EXEC, `<script: arguments>` is
one Lua script on key k. W is 2000 ms (the lua_atomic family: 2000000 us), the limit 1.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import redis

from limiters import base
from limiters.contract import Quota
from limiters.registry import REGISTRY, resolve

if TYPE_CHECKING:
    from tests.limiters.conftest import HandClock, Wire

# name: what an admitted request sends, then what a refused one sends half a second later
COMMANDS = {
    "lua_atomic": ("<lua_atomic: 1 2000000 1 '' nonce>", "<lua_atomic: 1 2000000 1 '' nonce>"),
    "lua_atomic_client_clock": (
        "<lua_atomic: 1 2000000 1 now_us nonce>",
        "<lua_atomic: 1 2000000 1 now_us nonce>",
    ),
    "lua_conditional_client_clock": (
        "<lua_conditional_client_clock: now 2000 1 pid-counter-random>",
        "<lua_conditional_client_clock: now 2000 1 pid-counter-random>",
    ),
    "lua_unconditional_add": (
        "<lua_unconditional_add: now 2000>",
        "<lua_unconditional_add: now 2000>",
    ),
    "lua_same_millisecond": (
        "<lua_same_millisecond: now 2000>",
        "<lua_same_millisecond: now 2000>",
    ),
    "lua_sequence_leak": ("<lua_sequence_leak: now 2000 1>", "<lua_sequence_leak: now 2000 1>"),
    "pipeline": (
        "[ZREMRANGEBYSCORE k 0 now-W; ZCARD k; ZADD k now unique; PEXPIRE k 2000] "
        "| ZRANGE k 0 0 WITHSCORES",
        "[ZREMRANGEBYSCORE k 0 now-W; ZCARD k; ZADD k now unique; PEXPIRE k 2000] "
        "| ZREM k unique | ZRANGE k 0 0 WITHSCORES",
    ),
    "pipeline_cleanup_steals": (
        "[ZREMRANGEBYSCORE k 0 now-W; ZCARD k; ZADD k now now; PEXPIRE k 2000] "
        "| ZRANGE k 0 0 WITHSCORES",
        "[ZREMRANGEBYSCORE k 0 now-W; ZCARD k; ZADD k now now; PEXPIRE k 2000] "
        "| ZREM k now | ZRANGE k 0 0 WITHSCORES",
    ),
    "pipeline_no_cleanup": (
        "{ZREMRANGEBYSCORE k 0 now-W; ZADD k now now; ZCARD k; EXPIRE k 2}",
        "{ZREMRANGEBYSCORE k 0 now-W; ZADD k now now; ZCARD k; EXPIRE k 2}",
    ),
    "add_then_count": (
        "ZREMRANGEBYSCORE k 0 now-W | ZADD k now now-random | ZCARD k | EXPIRE k 2 "
        "| GET k:reset | SET k:reset now+W EX 2",
        "ZREMRANGEBYSCORE k 0 now-W | ZADD k now now-random | ZCARD k | EXPIRE k 2 | GET k:reset",
    ),
    "transaction_random_member": (
        "{ZREMRANGEBYSCORE k 0 now-W; ZADD k now now-random; EXPIRE k 2; ZCARD k}",
        "{ZREMRANGEBYSCORE k 0 now-W; ZADD k now now-random; EXPIRE k 2; ZCARD k}",
    ),
    "get_set_json": ("GET k | SETEX k 2 [now]", "GET k"),
    "fixed_window": (
        "{SET k 0 PX 2000 NX; INCR k; PTTL k}",
        "{SET k 0 PX 2000 NX; INCR k; PTTL k}",
    ),
    "fixed_window_off_by_one": (
        "{SET k 0 PX 2000 NX; INCR k; PTTL k}",
        "{SET k 0 PX 2000 NX; INCR k; PTTL k}",
    ),
    "fixed_window_refresh": ("{INCR k; PEXPIRE k 2000}", "{INCR k; PEXPIRE k 2000}"),
    "fixed_window_setex": ("EXPIRE k 2 | INCR k | SETEX k 2 1", "EXPIRE k 2 | INCR k"),
    "fixed_window_crash": ("INCR k | PEXPIRE k 2000 | PTTL k", "INCR k | PTTL k"),
    "no_prune": (
        "ZRANGEBYSCORE k now-W now | ZADD k now unique | EXPIRE k 2",
        "ZRANGEBYSCORE k now-W now | ZADD k now unique | EXPIRE k 2",
    ),
    "no_prune_fractional_expire": (
        "ZRANGEBYSCORE k now-W now | ZADD k now now | EXPIRE k 2",
        "ZRANGEBYSCORE k now-W now | ZADD k now now | EXPIRE k 2",
    ),
    "in_process": ("", ""),
    "unlimited": ("", ""),
}


def test_every_registered_limiter_has_its_line() -> None:
    assert set(COMMANDS) == {known.name for known in REGISTRY}


@pytest.mark.parametrize("name", COMMANDS)
def test_commands(name: str, client: redis.Redis, clock: HandClock, wire: Wire) -> None:
    # The one that refuses the last place needs two places to admit one.
    limit = 2 if name == "fixed_window_off_by_one" else 1
    limiter = make(name, client, Quota(limit, 2.0), clock)
    limiter.acquire("another key")  # connects and loads the script
    wire.take()

    assert limiter.acquire("k").allowed
    assert written(wire.take(), clock) == COMMANDS[name][0]
    clock.move(0.5)
    assert limiter.acquire("k").allowed is (name == "unlimited")
    assert written(wire.take(), clock) == COMMANDS[name][1]


def test_a_script_that_the_server_forgot_is_loaded_again(
    client: redis.Redis, clock: HandClock, wire: Wire
) -> None:
    limiter = make("lua_atomic", client, Quota(1, 2.0), clock)
    limiter.acquire("k")
    client.script_flush()
    wire.take()
    assert not limiter.acquire("k").allowed
    assert [commands[0][0] for commands in wire.take()] == ["EVALSHA", "SCRIPT", "EVALSHA"]


def test_decrement_of_add_then_count(client: redis.Redis, clock: HandClock, wire: Wire) -> None:
    limiter = make("add_then_count", client, Quota(9, 2.0), clock)
    for _ in range(3):
        limiter.acquire("k")
    wire.take()
    limiter.decrement("k")
    now = clock.milliseconds
    assert written(wire.take(), clock) == f"ZCARD k | ZREMRANGEBYSCORE k {now - 1000} now"
    assert client.zcard("k") == 0


def make(name: str, client: redis.Redis, quota: Quota, clock: HandClock) -> Any:
    factory: Any = resolve(name).factory
    return factory(client, quota, clock)


def written(round_trips: list[list[list[str]]], clock: HandClock) -> str:
    """Round trips in the notation of the table."""
    now = clock.milliseconds
    names = {str(now): "now", str(now - 2000): "now-W", str(now + 2000): "now+W"}
    names |= {str(clock.microseconds): "now_us", f"[{now}]": "[now]", "": "''"}
    unique: dict[str, str] = {}

    def word(sent: str) -> str:
        if re.fullmatch(rf"{now}:[0-9a-f]{{32}}:\d+", sent):
            return unique.setdefault(sent, f"unique{len(unique) or ''}")
        if re.fullmatch(rf"{now}-0?\.\d+(e-\d+)?", sent):
            return "now-random"
        if re.fullmatch(r"[0-9a-f]{32}", sent):
            return "nonce"
        if re.fullmatch(r"\d+-\d+-[0-9a-f]{8}", sent):
            return "pid-counter-random"
        return names.get(sent, sent)

    scripts = {
        hashlib.sha1(path.read_bytes(), usedforsecurity=False).hexdigest(): path.stem
        for path in Path(base.__file__).parent.glob("*.lua")
    }

    def round_trip(commands: list[list[str]]) -> str:
        if commands[0][0] == "EVALSHA":
            _, sha, keys, key, *arguments = commands[0]
            assert (len(commands), keys, key) == (1, "1", "k")
            return f"<{scripts[sha]}: {' '.join(word(sent) for sent in arguments)}>"
        lines = [" ".join(word(sent) for sent in command) for command in commands]
        if lines[0] == "MULTI":
            assert lines[-1] == "EXEC"
            return "{" + "; ".join(lines[1:-1]) + "}"
        return lines[0] if len(lines) == 1 else "[" + "; ".join(lines) + "]"

    return " | ".join(round_trip(commands) for commands in round_trips)
