"""What every test may ask for: a real Redis of its own worker, and a client on an empty one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from limitproof.servers.server import Server
from limitproof.servers.spawn import spawned


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
