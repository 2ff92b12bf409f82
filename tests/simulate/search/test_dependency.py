"""Which steps depend on each other, by what the server says of their commands."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from limitproof.simulate.resp import pack
from limitproof.simulate.search.dependency import (
    ANY,
    FRESH,
    NOBODY,
    NOTHING,
    Connection,
    Dependency,
    Effect,
    UnrepeatableError,
    dependent,
)
from limitproof.simulate.world import World
from tests.simulate.casts import OpenWorld, cast


@pytest.fixture
def world(world_of: OpenWorld) -> Iterator[World]:
    with world_of(cast("get_set_json")) as opened:
        yield opened


@pytest.fixture
def dependency(world: World) -> Dependency:
    return Dependency(world.send)


def did(
    dependency: Dependency, *commands: str, reply: bytes = b"", before: Connection = FRESH
) -> tuple[Effect, Connection]:
    """What a packet of these commands did; each is answered OK where no reply is given."""
    packet = b"".join(pack(*command.split()) for command in commands)
    return dependency.step(before, packet, reply or b"+OK\r\n" * len(commands))


def keys(*names: str) -> frozenset[bytes]:
    return frozenset(name.encode() for name in names)


@pytest.mark.parametrize(
    ("command", "reply", "reads", "writes"),
    [
        ("GET k", b"$1\r\n1\r\n", keys("k"), keys()),
        ("TTL k", b":-1\r\n", keys("k"), keys()),
        ("SET k v", b"+OK\r\n", keys(), keys("k")),
        ("INCR k", b":1\r\n", keys(), keys("k")),
        ("DEL a b", b":1\r\n", keys(), keys("a", "b")),
        ("PING", b"+PONG\r\n", keys(), keys()),
        ("TIME", b"*2\r\n$1\r\n1\r\n$1\r\n1\r\n", keys(), keys()),
        ("CLIENT ID", b":1\r\n", keys(), keys()),
        ("KEYS *", b"*0\r\n", frozenset({ANY}), keys()),
        ("FLUSHDB", b"+OK\r\n", keys(), frozenset({ANY})),
        ("EVALSHA abc 1 k", b":1\r\n", keys(), frozenset({ANY})),
        ("EVALSHA_RO abc 1 k", b":1\r\n", frozenset({ANY}), keys()),
        ("SORT k BY w_*", b"*0\r\n", frozenset({ANY}), keys()),
    ],
)
def test_keys_as_the_server_tells(
    dependency: Dependency, command: str, reply: bytes, reads: object, writes: object
) -> None:
    effect, _ = did(dependency, command, reply=reply)
    assert (effect.reads, effect.writes, effect.alone) == (reads, writes, False)


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        ("ZREMRANGEBYSCORE k 0 1", b":0\r\n"),
        ("DEL k", b":0\r\n"),
        ("PEXPIRE k 1", b":0\r\n"),
        ("SET k v NX", b"_\r\n"),
        ("SETNX k v", b":0\r\n"),
    ],
)
def test_a_writer_that_changed_nothing_is_a_reader(
    dependency: Dependency, command: str, reply: bytes
) -> None:
    assert did(dependency, command, reply=reply)[0] == Effect(reads=keys("k"))


def test_a_writer_that_may_have_changed_something_is_none(dependency: Dependency) -> None:
    """ZADD answers 0 when it has changed a score; SET with GET, nil when there was no value."""
    for command, reply in (("ZADD k 1 a", b":0\r\n"), ("SET k v GET", b"_\r\n")):
        assert did(dependency, command, reply=reply)[0].writes == keys("k")


def test_nobody_knows_what_an_unknown_command_does(dependency: Dependency) -> None:
    effect, _ = did(dependency, "FROBNICATE k", reply=b"-ERR unknown command\r\n")
    assert dependent(effect, NOTHING)


def test_a_step_without_a_packet_depends_on_all(dependency: Dependency) -> None:
    """A limiter that sleeps moves the clock."""
    assert dependent(dependency.step(FRESH, b"", b"")[0], NOTHING)


def test_reads_and_writes() -> None:
    read, write = Effect(reads=keys("k")), Effect(writes=keys("k"))
    other, script = Effect(writes=keys("other")), Effect(writes=frozenset({ANY}))
    assert not dependent(read, read)
    assert dependent(read, write)
    assert dependent(write, read)
    assert dependent(write, write)
    assert not dependent(other, write)
    for one in (read, write, other, script):
        assert dependent(one, script)
        assert dependent(script, one)
    assert not dependent(NOTHING, script)


def test_a_packet_does_what_all_its_commands_do(dependency: Dependency) -> None:
    effect, _ = did(dependency, "GET a", "SET b 1", reply=b"_\r\n+OK\r\n")
    assert (effect.reads, effect.writes) == (keys("a"), keys("b"))


def test_what_is_queued_takes_effect_at_exec(dependency: Dependency) -> None:
    begun, queue = did(dependency, "MULTI")
    queued, queue = did(dependency, "INCR k", reply=b"+QUEUED\r\n", before=queue)
    done, after = did(dependency, "EXEC", reply=b"*1\r\n:1\r\n", before=queue)
    assert (begun, queued, done.writes) == (NOTHING, NOTHING, keys("k"))
    assert after.queued is None
    assert did(dependency, "DISCARD", before=queue)[1].queued is None


def test_exec_reads_what_was_watched(dependency: Dependency) -> None:
    watch, watching = did(dependency, "WATCH k")
    done, _ = did(dependency, "MULTI", "EXEC", reply=b"+OK\r\n*0\r\n", before=watching)
    write = Effect(writes=keys("k"))
    assert dependent(watch, write)
    assert dependent(done, write)
    assert not dependent(done, watch)


def test_a_failed_exec_depends_on_the_first_write_only(dependency: Dependency) -> None:
    watch, watching = did(dependency, "WATCH k")
    lost, _ = did(dependency, "MULTI", "EXEC", reply=b"+OK\r\n_\r\n", before=watching)
    write, _ = did(dependency, "SET k 1")
    _, run = NOBODY.step(0, watch)
    first, run = run.step(1, write)
    second, run = run.step(2, write)
    failed, run = run.step(0, lost)
    assert dependent(first, failed)
    assert not dependent(second, failed)
    _, run = run.step(0, watch)
    again, run = run.step(1, write)
    assert dependent(again, failed)


def test_a_write_that_need_not_be_one_ends_no_watch(dependency: Dependency) -> None:
    """A script may write or not: the first write after it may still be what the EXEC is told."""
    watch, watching = did(dependency, "WATCH k")
    lost, _ = did(dependency, "MULTI", "EXEC", reply=b"+OK\r\n_\r\n", before=watching)
    _, run = NOBODY.step(0, watch)
    _, run = run.step(1, did(dependency, "EVALSHA abc 0")[0])
    write, run = run.step(2, did(dependency, "SET k 1")[0])
    failed, _ = run.step(0, lost)
    assert dependent(write, failed)


@pytest.mark.parametrize(
    ("command", "reply", "surely"),
    [
        ("SET k v", b"+OK\r\n", True),
        ("SET k v NX", b"+OK\r\n", True),
        ("SET k v NX", b"_\r\n", False),
        ("SET k v GET", b"_\r\n", True),
        ("SET k v GET", b"$1\r\n1\r\n", True),
        ("SET k v NX GET", b"_\r\n", True),
        ("SET k v NX GET", b"$1\r\n1\r\n", False),
        ("SET k v XX GET", b"_\r\n", False),
        ("SET k v XX GET", b"$1\r\n1\r\n", True),
        ("SET k v IFEQ w GET", b"$1\r\n1\r\n", False),
        ("INCR k", b":1\r\n", True),
        ("INCR k", b"-ERR no integer\r\n", False),
    ],
)
def test_what_was_written_for_certain(
    dependency: Dependency, command: str, reply: bytes, surely: bool
) -> None:
    effect, _ = did(dependency, command, reply=reply)
    assert effect.surely == (keys("k") if surely else keys())


@pytest.mark.parametrize("command", ["SPOP k", "SELECT 1", "CLIENT TRACKING on", "HELLO 2"])
def test_what_does_not_repeat_is_refused(dependency: Dependency, command: str) -> None:
    with pytest.raises(UnrepeatableError, match=command.split()[0]):
        did(dependency, command)
