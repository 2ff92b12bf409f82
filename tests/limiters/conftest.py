"""A clock that is set by hand, and a wire that tells and interrupts what is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from redis.connection import AbstractConnection

from limiters.contract import Quota
from limiters.registry import resolve
from limitproof.servers.virtual import VirtualServer, virtual_server

Make = Callable[..., Any]


class HandClock:
    """Stands still until it is moved; keeps whole microseconds."""

    START = 1_700_000_000_000_000

    def __init__(self) -> None:
        self.microseconds = self.START

    def __call__(self) -> float:
        return self.microseconds / 1_000_000

    def move(self, seconds: float) -> None:
        self.microseconds += round(seconds * 1_000_000)

    @property
    def milliseconds(self) -> int:
        return self.microseconds // 1000


class Wire:
    """What goes out on every connection of this process: one list of commands a round trip."""

    def __init__(self) -> None:
        self.round_trips: list[list[list[str]]] = []
        self._before: dict[str, Callable[[], object]] = {}

    def before(self, command: str, action: Callable[[], object]) -> None:
        """Run `action` once, just before the next round trip that begins with `command`."""
        self._before[command] = action

    def take(self) -> list[list[list[str]]]:
        """What was sent since the last call."""
        taken, self.round_trips = self.round_trips, []
        return taken

    def sent(self, packed: bytes) -> None:
        commands = list(_commands(packed))
        action = self._before.pop(commands[0][0], None)
        if action is not None:
            action()
        self.round_trips.append(commands)


def _commands(packed: bytes) -> Iterator[list[str]]:
    """Undo RESP: *2 $3 GET $1 k."""
    position = 0

    def number(mark: bytes) -> int:
        nonlocal position
        assert packed[position : position + 1] == mark
        end = packed.index(b"\r\n", position)
        found = int(packed[position + 1 : end])
        position = end + 2
        return found

    while position < len(packed):
        words = []
        for _ in range(number(b"*")):
            length = number(b"$")
            words.append(packed[position : position + length].decode())
            position += length + 2
        yield words


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture(scope="session")
def virtual() -> Iterator[VirtualServer]:
    """A Redis whose clock is set by hand, one a worker of xdist."""
    with virtual_server() as running:
        yield running


@pytest.fixture
def virtual_client(virtual: VirtualServer) -> Iterator[redis.Redis]:
    """A client of that Redis. Empty it by DEL, not by FLUSHALL: see limitproof.servers.virtual."""
    with virtual.server.client() as connected:
        yield connected


@pytest.fixture
def make(client: redis.Redis, clock: HandClock) -> Make:
    """A registered limiter by name, with a window of a minute."""

    def made(name: str, limit: int = 1, window: float = 60.0) -> Any:
        factory: Any = resolve(name).factory
        return factory(client, Quota(limit, window), clock)

    return made


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    """Record every send; connections that shake hands (HELLO, CLIENT) are left out."""
    recorder = Wire()
    send: Callable[..., None] = AbstractConnection.send_packed_command

    def recorded(self: AbstractConnection, command: Any, check_health: bool = True) -> None:
        parts = [command] if isinstance(command, bytes) else list(command)
        packed = b"".join(part.encode() if isinstance(part, str) else part for part in parts)
        if b"HELLO" not in packed[:16] and b"CLIENT" not in packed[:16]:
            recorder.sent(packed)
        send(self, command, check_health=check_health)

    monkeypatch.setattr(AbstractConnection, "send_packed_command", recorded)
    return recorder
