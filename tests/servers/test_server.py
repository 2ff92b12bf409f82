"""Shows how a server at a URL is opened, and the one clear line for everything that may be wrong
with it. What answers wrongly is a small TCP server that says what the test wants."""

from __future__ import annotations

import errno
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from limitproof.servers import server as opening
from limitproof.servers.address import Remote
from limitproof.servers.errors import AddressError, ServerError
from limitproof.servers.find import URL_VARIABLE, Program, programs
from limitproof.servers.handle import Server
from limitproof.servers.server import connect, open_server
from limitproof.servers.spawn import spawned

EVERY_SERVER = pytest.mark.parametrize(
    "program", programs(os.environ), ids=lambda program: program.source
)


@contextmanager
def answering(reply: bytes | None) -> Iterator[str]:
    """The URL of something that answers so to everything: b"" hangs up, None says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                while connection.recv(4096) and reply != b"":
                    connection.sendall(reply or b"")

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


def line_for(url: str) -> str:
    with pytest.raises(ServerError) as caught:
        connect(Remote(url))
    assert not isinstance(caught.value, AddressError)
    line = str(caught.value)
    assert "\n" not in line
    return line


@EVERY_SERVER
def test_a_running_server_tells_what_it_is(program: Program) -> None:
    with spawned(program.path) as running, open_server(running.url, {}) as server:
        assert (server.name, server.version) == (running.name, running.version)
        assert not server.spawned
        assert server.pid is None
        assert server.alive()


def test_the_server_of_a_url_outlives_us_and_keeps_its_keys(server: Server) -> None:
    with server.client() as client:
        client.set("kept", 1)
        with open_server(None, {URL_VARIABLE: server.url}) as opened:
            assert not opened.spawned
        assert client.exists("kept") == 1
        client.delete("kept")


def test_without_an_address_the_embedded_one_is_started() -> None:
    with open_server(None, {}) as server:
        assert (server.name, server.spawned) == ("redis", True)
    assert not server.alive()


def test_a_client_is_fresh_and_its_options_can_be_chosen(server: Server) -> None:
    with server.client(db=3, decode_responses=True) as one, server.client() as two:
        assert one.connection_pool is not two.connection_pool
        one.set("only-in-3", "a")
        assert one.get("only-in-3") == "a"
        assert two.get("only-in-3") is None
        one.delete("only-in-3")


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert line_for(f"redis://:secret@127.0.0.1:{port}") == (
        f"cannot reach Redis at redis://***@127.0.0.1:{port}: Error {errno.ECONNREFUSED} "
        f"connecting to 127.0.0.1:{port}. Connection refused; check that it runs, "
        "or leave --redis out to use the embedded server"
    )


def test_no_socket_is_there() -> None:
    line = line_for("unix:///no/such.sock")
    assert line.startswith("cannot reach Redis at unix:///no/such.sock: Error 2 connecting to")


@pytest.mark.parametrize(
    ("reply", "what"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "what answers at {} is no Redis to work with: Proto"),
        (b"+OK\r\n", "what answers at {} is no Redis to work with: its answers make no sense"),
        (b"-ERR unknown command\r\n", "what answers at {} is no Redis to work with: unknown comm"),
        (b"-LOADING Redis is loading\r\n", "Redis at {} is still loading its data; try again"),
        (b"-NOPERM no\r\n", "Redis at {} does not let this user PING and INFO; give the user"),
        (b"-NOAUTH Authentication required.\r\n", "Redis at {} needs a password; put it in the"),
        (b"", "cannot reach Redis at {}: Connection closed by server; check that it runs"),
        (None, "nothing at {} answers within 0.2 s; check host and port, or leave --redis out"),
    ],
    ids=["http", "ok", "error", "loading", "noperm", "noauth", "hang-up", "silence"],
)
def test_something_else_answers(
    reply: bytes | None, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "CONNECT_SECONDS", 0.2)
    with answering(reply) as url:
        assert line_for(url).startswith(what.format(url))


@EVERY_SERVER
def test_a_password_is_missing_or_wrong(program: Program) -> None:
    with spawned(program.path, password="right one") as locked:  # noqa: S106
        path = urlsplit(locked.url).path
        assert connect(Remote(locked.url)).version == locked.version
        assert line_for(f"unix://{path}") == (
            f"Redis at unix://{path} needs a password; put it in the URL as redis://:PASSWORD@host"
        )
        wrong = (
            f"Redis at unix://***@{path} refuses this password; "
            "put the right one in the URL as redis://:PASSWORD@host"
        )
        assert line_for(f"unix://:wrong@{path}") == wrong
        assert line_for(f"unix://somebody:wrong@{path}") == wrong


@EVERY_SERVER
def test_a_user_who_may_do_too_little(program: Program) -> None:
    with spawned(program.path) as server, server.client() as client:
        client.execute_command("ACL", "SETUSER", "guest", "on", ">guest", "-@all", "+ping")
        path = urlsplit(server.url).path
        assert line_for(f"unix://guest:guest@{path}") == (
            f"Redis at unix://***@{path} does not let this user PING and INFO; "
            "give the user these rights"
        )


@pytest.mark.parametrize("option", ["frob=1", "socket_timeout=soon"])
def test_an_unknown_option_is_a_bad_address(option: str) -> None:
    with pytest.raises(AddressError) as caught, open_server(f"redis://:pw@host?{option}", {}):
        pass
    assert str(caught.value) == (
        f"'redis://***@host?{option}' has an option that redis-py does not take; "
        "see the options of redis.Redis.from_url"
    )


def test_a_server_that_is_away_is_not_alive() -> None:
    away = Server("unix:///no/such.sock", "redis", "8", spawned=False)
    assert not away.alive()
