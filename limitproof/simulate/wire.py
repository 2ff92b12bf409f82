"""Where a client's bytes leave redis-py: a socket that asks before it sends.

Everything that redis-py sends (single commands, pipelines, transactions, scripts) ends in
`sendall` of the connection's socket. Replacing that one object leaves redis-py unmodified, and no
command can go round it.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from typing import Any

import redis
from redis.connection import UnixDomainSocketConnection

from limitproof.servers.errors import ServerError, SilentServerError
from limitproof.simulate.resp import Commands, end_of_reply, unpack

PATIENCE = 5.0  # seconds for one command
Ask = Callable[["Wire", bytes, Commands], bytes | None]
"""Takes a whole packet and its commands, and gives the replies once the schedule let it go; None
when the connection breaks before them."""


class Wire:
    """Looks like the socket of a connection. Set-up passes through; all else is asked for.

    redis-py hands a packet above 6 kB over in pieces, and each that ends with a whole command is
    asked for by itself. Once the connection broke, both directions raise ConnectionResetError.
    """

    def __init__(self, real: socket.socket, ask: Ask) -> None:
        self.real = real
        self.setting_up = True
        self._ask = ask
        self._out = b""
        self._in = b""
        self._broken = False

    def sendall(self, data: bytes) -> None:
        if self.setting_up:
            self.real.sendall(data)
            return
        if self._broken:  # or the rest of a transaction would be done, without its MULTI
            raise ConnectionResetError(errno.ECONNRESET, "the connection broke before the reply")
        self._out += bytes(data)
        commands = unpack(self._out)
        if commands is not None:
            packet, self._out = self._out, b""
            reply = self._ask(self, packet, commands)
            self._broken |= reply is None
            self._in += reply or b""

    def recv_into(self, buffer: Any, nbytes: int = 0) -> int:
        if self.setting_up:
            return self.real.recv_into(buffer, nbytes)
        if self._broken:
            raise ConnectionResetError(errno.ECONNRESET, "the connection broke before the reply")
        if not self._in:  # redis-py before 8 looks for stray data by reading, without waiting
            raise BlockingIOError(errno.EWOULDBLOCK, "nothing to read yet")
        view = memoryview(buffer)
        piece = self._in[: nbytes or len(view)]
        self._in = self._in[len(piece) :]
        view[: len(piece)] = piece
        return len(piece)

    def recv(self, size: int) -> bytes:
        buffer = bytearray(size)
        return bytes(buffer[: self.recv_into(buffer)])

    def fileno(self) -> int:
        """Of the real socket: redis-py polls it for stray data before it uses a connection."""
        return self.real.fileno()

    def settimeout(self, value: float | None) -> None:
        self.real.settimeout(value)

    def gettimeout(self) -> float | None:
        return self.real.gettimeout()

    def getpeername(self) -> Any:
        return self.real.getpeername()

    def shutdown(self, how: int) -> None:
        self.real.shutdown(how)

    def close(self) -> None:
        self.real.close()


class SimulatedConnection(UnixDomainSocketConnection):
    """A connection of redis-py whose socket is a Wire. HELLO, AUTH and the like are no steps."""

    def __init__(self, *, ask: Ask, **options: Any) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]
        self._asking = ask

    def _connect(self) -> Wire:
        return Wire(open_socket(self.path), self._asking)

    def forget(self) -> None:
        """From now on nobody hears what it sends."""
        self._asking = _deaf

    def on_connect_check_health(self, check_health: bool = True) -> None:
        super().on_connect_check_health(check_health)
        wire: Any = self._sock
        wire.setting_up = False


def version_of_redis_py() -> dict[str, Any]:
    """What a client looks up in the metadata of its package: a millisecond, a third of making it.

    An argument of Redis() in redis-py 7.1 and later; none before, which did not look it up.
    """
    return {name: deepcopy(value) for name, value in _looked_up().items()}


@cache
def _looked_up() -> dict[str, Any]:
    found = redis.Redis(unix_socket_path="/").connection_pool.connection_kwargs
    return {name: value for name, value in found.items() if name == "driver_info"}


def simulated_client(path: str, ask: Ask) -> redis.Redis:
    """A client of redis-py, as an application makes one, on a wire of ours."""
    # With all that is default, retries included.
    client = redis.Redis(unix_socket_path=path, **version_of_redis_py())
    pool = client.connection_pool
    pool.connection_class = SimulatedConnection
    pool.connection_kwargs["ask"] = ask
    return client


def hang_up(client: redis.Redis, *, for_good: bool) -> None:
    """Close the connections of a simulated client; the next command opens one.

    for_good: also those that an object of a life before still holds. A garbage collection that
    comes later, in another run, would have a pipeline send its UNWATCH there.
    """
    pool: Any = client.connection_pool
    held = tuple(pool._in_use_connections) if for_good else ()
    pool.disconnect()
    for connection in held:
        connection.forget()
    if held:
        pool.reset()  # or they would be handed out again


_connect = socket.socket.connect  # while a limiter runs, that of `socket` is refused


def _deaf(_wire: Wire, _packet: bytes, _commands: Commands) -> bytes | None:
    return None


def open_socket(path: str) -> socket.socket:
    """A connected unix socket. Raises ServerError when nobody listens."""
    real = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        real.settimeout(PATIENCE)
        _connect(real, path)
    except OSError as error:
        real.close()
        raise ServerError(f"Redis is gone: {error}", "start again") from error
    return real


def exchange(real: socket.socket, packet: bytes, replies: int) -> tuple[bytes, list[int]]:
    """Send a packet and wait for so many replies: all bytes, and where each reply ends.

    Raises ServerError when the server goes away meanwhile, SilentServerError when it does not
    answer.
    """
    try:
        real.sendall(packet)
        received, position = b"", 0
        ends: list[int] = []
        while len(ends) < replies:
            piece = real.recv(262_144)
            if not piece:
                raise ServerError("Redis closed the connection during a step", "start again")
            received += piece
            while len(ends) < replies and (end := end_of_reply(received, position)) >= 0:
                ends.append(end)
                position = end
    except TimeoutError as error:
        why = f"the server has not answered a command for {PATIENCE:g} s"
        raise SilentServerError(why, "is it a script without an end?") from error
    except OSError as error:
        raise ServerError(f"Redis went away during a step: {error}", "start again") from error
    return received, ends
