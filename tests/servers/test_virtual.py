"""A real Redis whose clock is set by hand."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import redis

from limitproof.servers import virtual
from limitproof.servers.errors import ServerError
from limitproof.servers.spawn import spawned
from limitproof.servers.virtual import START, VirtualServer, as_text, virtual_server

SHARED = Path("/dev/shm")  # noqa: S108 - looked into, where there is such a thing


@pytest.fixture(scope="module")
def running() -> Iterator[VirtualServer]:
    with virtual_server() as server:
        yield server


@pytest.fixture
def client(running: VirtualServer) -> Iterator[redis.Redis]:
    running.set(START)
    with running.server.client() as connected:
        connected.delete("k")  # not FLUSHALL: see limitproof.servers.virtual
        yield connected


@pytest.mark.parametrize("step", [0, 1, 3, 999_999, 1_000_000, 86_400_000_001])
def test_time_follows_to_the_microsecond_also_in_lua(
    running: VirtualServer, client: redis.Redis, step: int
) -> None:
    running.set(START + step)
    told: Any = client.eval("return redis.call('TIME')", 0)
    assert int(told[0]) * 1_000_000 + int(told[1]) == START + step
    assert client.time() == divmod(START + step, 1_000_000)


def test_a_key_lives_as_long_as_its_time_to_live(
    running: VirtualServer, client: redis.Redis
) -> None:
    client.set("k", "v", px=1000)
    assert client.pttl("k") == 1000
    running.set(START + 999_000)
    assert client.get("k") == b"v"
    assert client.pttl("k") == 1
    running.set(START + 1_001_000)
    assert client.get("k") is None


def test_time_stands_still_by_itself(client: redis.Redis) -> None:
    assert {client.time() for _ in range(50)} == {divmod(START, 1_000_000)}


def test_a_clock_that_never_moves_is_read_once() -> None:
    with virtual_server(moving=False) as still, still.server.client() as client:
        still.set(START + 5_000_000)
        assert client.time() == divmod(START, 1_000_000)


def test_it_shares_nothing_that_would_outlive_it() -> None:
    """libfaketime left a semaphore and a page of memory for each server that was started."""
    with virtual_server() as running:
        assert not list(SHARED.glob(f"*faketime_*_{running.server.pid}"))


def test_what_is_ended_as_it_starts_leaves_nothing_shared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that begins with a clock of ours, and never answers."""
    pids = tmp_path / "pids"
    silent = tmp_path / "silent"
    silent.write_text(f"#!/bin/sh\necho $$ >> {pids}\nexec sleep 600\n", encoding="utf-8")
    silent.chmod(0o755)
    monkeypatch.setattr(virtual, "spawned", partial(spawned, patience=0.3))
    with pytest.raises(ServerError, match="is not ready after"), virtual_server(silent):
        pass
    told = pids.read_text(encoding="utf-8").split()
    assert told
    assert not [one for pid in told for one in SHARED.glob(f"*faketime_*_{pid}")]


def test_an_instant_is_always_as_long() -> None:
    assert as_text(START + 3) == b"2023-11-14 22:13:20.0000035\n"
    assert {len(as_text(START + step)) for step in (0, 1, 10**6, 10**12)} == {28}


def test_without_libfaketime_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(virtual, "faketime_library", lambda: None)
    with pytest.raises(ServerError, match="pip install libfaketime"), virtual_server():
        pass


def test_in_its_last_millisecond_a_key_lives_whenever_the_servers_timer_comes_round(
    running: VirtualServer, client: redis.Redis
) -> None:
    """The timer (ten times a second) took away what a read would have found."""
    client.set("k", "v", px=1000)
    running.set(START + 1_000_000)
    with client.pipeline(transaction=False) as pipe:
        for _ in range(120):
            for _ in range(500):
                pipe.get("k")
            assert set(pipe.execute()) == {b"v"}


def test_a_server_that_ends_as_it_is_started_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(running: VirtualServer, *_more: object) -> None:
        assert running.server.pid is not None
        os.kill(running.server.pid, signal.SIGKILL)

    monkeypatch.setattr(virtual, "_prove", killed)
    with (
        pytest.raises(ServerError, match="the server went away as it was started"),
        virtual_server(),
    ):
        raise AssertionError("it runs")
