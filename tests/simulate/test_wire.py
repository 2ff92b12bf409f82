"""What redis-py hands over in pieces, and a connection that breaks between two of them."""

from __future__ import annotations

import errno
import socket

import pytest
import redis

from limitproof.history.outcome import Outcome
from limitproof.simulate.resp import Commands, pack, parse
from limitproof.simulate.wire import Wire, simulated_client
from tests.simulate.casts import OpenWorld, cast

LONG = "tests.verify.experiments.specimens.cluster:LongTransaction"


def test_a_command_is_asked_for_when_it_is_whole() -> None:
    asked: list[Commands] = []

    def ask(_wire: Wire, _packet: bytes, commands: Commands) -> bytes:
        asked.append(commands)
        return b"+OK\r\n"

    packet = pack("SET", "k", "v")
    with socket.socket() as real:
        wire = Wire(real, ask)
        wire.setting_up = False
        wire.sendall(packet[:9])
        assert asked == []
        wire.sendall(packet[9:])
        assert asked == [((b"SET", b"k", b"v"),)]
        assert wire.recv(99) == b"+OK\r\n"


def test_nothing_is_done_on_a_connection_that_is_broken() -> None:
    asked: list[Commands] = []

    def ask(_wire: Wire, _packet: bytes, commands: Commands) -> None:
        asked.append(commands)

    with socket.socket() as real:
        wire = Wire(real, ask)
        wire.setting_up = False
        wire.sendall(pack("MULTI"))
        for _ in range(2):
            with pytest.raises(ConnectionResetError) as raised:
                wire.sendall(pack("INCR", "k"))
            assert raised.value.errno == errno.ECONNRESET
        with pytest.raises(ConnectionResetError):
            wire.recv(99)
    assert asked == [((b"MULTI",),)]


@pytest.mark.parametrize("done", [True, False], ids=["lost reply", "dropped"])
@pytest.mark.parametrize("steps", [0, 1, 2])
def test_a_transaction_in_pieces_is_whole_or_not_at_all(
    moving_world_of: OpenWorld, steps: int, done: bool
) -> None:
    """MULTI, a long script, and the rest: what came after a break was done alone (seen before)."""
    with moving_world_of(cast(LONG, 1)) as world:
        (seat,) = world.seats
        world.reset()
        world.begin(seat)
        world.ask(seat)
        for _ in range(steps):
            world.step(seat)
        assert seat.commands[0][-1][0] == (b"MULTI", b"EVAL", b"EXEC")[steps]
        if done:
            world.execute(seat)
        world.lose(seat)
        while seat.ready:
            world.step(seat)
        (call,) = seat.calls
        assert call.error == ""
        assert call.outcome is (Outcome.REJECTED if done and steps == 2 else Outcome.ADMITTED), (
            "the second time, where the first was done"
        )
        assert parse(world.send(pack("GET", "{k}"), 1)) == [b"2" if done and steps == 2 else b"1"]


def test_a_client_tells_the_version_that_redis_py_would_look_up() -> None:
    """And what somebody adds to it is of that client alone."""
    usual = redis.Redis().connection_pool.connection_kwargs
    first, second = (simulated_client("/nowhere", lambda *_: None) for _ in range(2))
    told = [one.connection_pool.connection_kwargs["driver_info"] for one in (first, second)]
    assert told == [usual["driver_info"]] * 2
    told[0].add_upstream_driver("mine", "1.0")
    assert told[1] == usual["driver_info"] != told[0]
