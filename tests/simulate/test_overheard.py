"""What a script touches is told by the server itself."""

from __future__ import annotations

import socket

import pytest

from limitproof.simulate.overheard import touched
from limitproof.simulate.resp import pack, parse
from limitproof.simulate.wire import exchange
from limitproof.simulate.world import World
from limitproof.stories import AsOne, Touched
from tests.simulate.casts import OpenWorld, cast

Command = tuple[str | bytes, ...]
ODD = b'a "quoted" \\ \r\n\t\x00\xff key'
SCRIPT = "redis.call('GET', KEYS[1]); redis.call('MGET', ARGV[1], 'c'); return 1"
FIRST = Touched("EVAL", (b"a",), (b"a", b"b", b"c"))
SECOND = Touched("EVAL", (b"d",), (b"b", b"c", b"d"))


def told(world: World, *commands: Command, line: socket.socket | None = None) -> list[AsOne]:
    """What these commands touch, sent in one packet: on this connection, or on one of its own."""
    line, ear = line or world.line(), world.line()
    packet = b"".join(pack(*one) for one in commands)
    reply, seen = touched(lambda: exchange(line, packet, len(commands))[0], ear, world.send)
    assert len(parse(reply)) == len(commands)
    return list(seen)


def test_the_keys_of_commands_and_of_what_their_scripts_do(world_of: OpenWorld) -> None:
    with world_of(cast("get_set_json")) as world:
        assert told(world, ("SET", "k", "v"), ("PING",), ("mget", "b", "a")) == [
            (Touched("SET", (b"k",)),),
            (Touched("PING", ()),),
            (Touched("MGET", (b"a", b"b")),),
        ]
        assert told(world, ("EVAL", SCRIPT, "1", "a", "b"), ("EVAL", SCRIPT, "1", "d", ODD)) == [
            (FIRST,),
            (Touched("EVAL", (b"d",), tuple(sorted((b"d", ODD, b"c")))),),
        ]


@pytest.mark.parametrize("number", [1, 2])
def test_a_script_that_is_not_known_touches_nothing(world_of: OpenWorld, number: int) -> None:
    with world_of(cast("get_set_json")) as world:
        for _ in range(number):
            assert told(
                world, ("EVALSHA", "0" * 40, "1", "k"), ("EVAL", SCRIPT, "1", "a", "b")
            ) == [
                (Touched("EVALSHA", (b"k",)),),
                (FIRST,),
            ]


@pytest.mark.parametrize("number", ["abc", "-1", "7", "9" * 20, "9" * 5000])
def test_a_number_of_keys_that_is_none(world_of: OpenWorld, number: str) -> None:
    with world_of(cast("get_set_json")) as world:
        seen = told(world, ("EVAL", "return 1", number, "x"), ("EVAL", SCRIPT, "1", "a", "b"))
        assert seen == [(Touched("EVAL", ()),), (FIRST,)]


def test_what_the_server_rejects_is_not_done(world_of: OpenWorld) -> None:
    """An EVAL of two words is told by nobody: the script after it keeps its own keys."""
    with world_of(cast("get_set_json")) as world:
        seen = told(world, ("EVAL", "return 1"), ("NONE", "k"), ("EVAL", SCRIPT, "1", "a", "b"))
        assert seen == [(FIRST,)]


BLOCK = [("EVAL", SCRIPT, "1", "a", "b"), ("INCR", "k"), ("EVAL", SCRIPT, "1", "d", "b")]
DONE = (FIRST, Touched("INCR", (b"k",)), SECOND)


def test_a_transaction_is_done_as_one(world_of: OpenWorld) -> None:
    before, after = ("GET", "x"), ("GET", "y")
    with world_of(cast("get_set_json")) as world:
        assert told(world, before, ("MULTI",), *BLOCK, ("EXEC",), after) == [
            (Touched("GET", (b"x",)),),
            DONE,
            (Touched("GET", (b"y",)),),
        ]


def test_a_transaction_of_many_steps_is_done_with_its_exec(world_of: OpenWorld) -> None:
    with world_of(cast("get_set_json")) as world:
        line = world.line()
        for sent in (("MULTI",), *BLOCK[:2]):
            assert told(world, sent, line=line) == []
        assert told(world, BLOCK[2], ("EXEC",), ("GET", "y"), line=line) == [
            DONE,
            (Touched("GET", (b"y",)),),
        ]


@pytest.mark.parametrize("end", [("DISCARD",), ("NONE",)])
def test_a_transaction_that_is_given_up_touches_nothing(world_of: OpenWorld, end: Command) -> None:
    with world_of(cast("get_set_json")) as world:
        seen = told(world, ("MULTI",), *BLOCK, end, ("EXEC",), ("GET", "y"))
        assert seen == [(Touched("GET", (b"y",)),)]
