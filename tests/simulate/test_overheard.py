"""What a script touches is told by the server itself."""

from __future__ import annotations

import pytest

from limitproof.simulate.overheard import touched
from limitproof.simulate.resp import pack, parse
from limitproof.simulate.wire import exchange
from limitproof.simulate.world import World
from limitproof.stories import Touched
from tests.simulate.casts import OpenWorld, cast

ODD = b'a "quoted" \\ \r\n\t\x00\xff key'
SCRIPT = "redis.call('GET', KEYS[1]); redis.call('MGET', ARGV[1], 'c'); return 1"


def told(world: World, *commands: tuple[str | bytes, ...]) -> list[Touched]:
    """What these commands touch, sent in one packet on a connection of their own."""
    line, ear = world.line(), world.line()
    packed = [
        [word.encode() if isinstance(word, str) else word for word in one] for one in commands
    ]
    packet = b"".join(pack(*one) for one in packed)
    reply, seen = touched(packed, lambda: exchange(line, packet, len(packed))[0], ear, world.send)
    assert len(parse(reply)) == len(commands)
    return list(seen)


def test_the_keys_of_commands_and_of_what_their_scripts_do(world_of: OpenWorld) -> None:
    with world_of(cast("get_set_json")) as world:
        assert told(world, ("SET", "k", "v"), ("PING",), ("MGET", "b", "a")) == [
            Touched((b"k",)),
            Touched(()),
            Touched((b"a", b"b")),
        ]
        seen = told(world, ("EVAL", SCRIPT, "1", "a", "b"), ("EVAL", SCRIPT, "1", "d", ODD))
        assert seen == [
            Touched((b"a",), (b"a", b"b", b"c")),
            Touched((b"d",), tuple(sorted((b"d", ODD, b"c")))),
        ]


@pytest.mark.parametrize("number", [1, 2])
def test_a_script_that_is_not_known_touches_nothing(world_of: OpenWorld, number: int) -> None:
    with world_of(cast("get_set_json")) as world:
        for _ in range(number):
            assert told(
                world, ("EVALSHA", "0" * 40, "1", "k"), ("EVAL", SCRIPT, "1", "a", "b")
            ) == [
                Touched((b"k",)),
                Touched((b"a",), (b"a", b"b", b"c")),
            ]
