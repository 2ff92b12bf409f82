"""What every test may ask for: a real Redis of its own worker, and a client on an empty one."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import redis

from limitproof.servers.server import Server
from limitproof.servers.spawn import spawned
from limitproof.servers.virtual import VirtualServer, virtual_server
from limitproof.simulate import explore
from limitproof.simulate.bindings import Known
from limitproof.simulate.cast import Cast
from limitproof.simulate.opening import world_on
from limitproof.simulate.world import World
from tests.traces import Traces, traced

if TYPE_CHECKING:
    from tests.simulate.casts import OpenWorld


def pytest_configure() -> None:
    """Let Ctrl-C reach what tests start, also where they run in the background (`make test &`).

    There a shell has it ignored, and what is started inherits that.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The embedded Redis, one a worker of xdist."""
    with spawned() as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[redis.Redis]:
    """A client of that Redis, which is empty as the test begins (it is ours, so it may be)."""
    with server.client() as connected:
        connected.flushall()
        connected.script_flush()
        yield connected


@pytest.fixture(scope="session")
def still_server() -> Iterator[VirtualServer]:
    """A Redis whose clock stands still, one a worker of xdist."""
    with virtual_server(arguments=("--rdbcompression", "no"), moving=False) as virtual:
        yield virtual


@pytest.fixture(scope="session")
def known_clocks() -> Known:
    """Who holds a clock, looked for once: a worker opens thousands of worlds."""
    return Known()


@pytest.fixture
def world_of(still_server: VirtualServer, known_clocks: Known) -> OpenWorld:
    """Opens a simulated world for a cast, on that Redis."""
    return partial(world_on, still_server, known=known_clocks)


@pytest.fixture(scope="session")
def moving_server() -> Iterator[VirtualServer]:
    """A Redis whose clock is set by hand, one a worker of xdist."""
    with virtual_server(arguments=("--rdbcompression", "no")) as virtual:
        yield virtual


@pytest.fixture
def moving_world_of(moving_server: VirtualServer, known_clocks: Known) -> OpenWorld:
    """The same with clocks that can be moved."""
    return partial(world_on, moving_server, known=known_clocks)


@pytest.fixture
def explore_on_running_servers(
    monkeypatch: pytest.MonkeyPatch, world_of: OpenWorld, moving_world_of: OpenWorld
) -> None:
    """Explores on the servers that run already, instead of new ones each time."""

    def opened(cast: Cast, *, moving: bool = False, **_: Any) -> AbstractContextManager[World]:
        return (moving_world_of if moving else world_of)(cast)

    monkeypatch.setattr(explore, "open_world", opened)


@pytest.fixture
def traces() -> Iterator[Traces]:
    """Finds the processes that a test has left behind."""
    with traced() as found:
        yield found
