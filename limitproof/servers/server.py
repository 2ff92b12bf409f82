"""Opening the server that an address means: one that runs already, or one of our own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import redis

from limitproof.servers.address import Remote
from limitproof.servers.errors import AddressError, ServerError
from limitproof.servers.find import choose
from limitproof.servers.handle import CONNECT_SECONDS, Server, no_retry, timeouts
from limitproof.servers.identity import identify
from limitproof.servers.spawn import spawned

__all__ = ["Server", "connect", "open_server"]

EMBEDDED = "or leave --redis out to use the embedded server"


@contextmanager
def open_server(address: str | None, environ: Mapping[str, str]) -> Iterator[Server]:
    """The server that the address means, for as long as the `with`; a spawned one ends with it.

    address: `spawn`, `spawn:PROGRAM`, a URL, or None for what LIMITPROOF_REDIS_URL says or else
    the default program.
    Raises AddressError for a bad address, ServerError when the server cannot be used.
    """
    chosen = choose(address, environ)
    if isinstance(chosen, Remote):
        yield connect(chosen)
    else:
        with spawned(chosen.path) as server:
            yield server


def connect(remote: Remote) -> Server:
    """The server at a URL, once it has answered a PING and told what it is.

    Raises ServerError when it is away, locked, loading or no Redis; AddressError when the URL has
    options that redis-py does not know.
    """
    options = timeouts() | {"retry": no_retry(), "socket_timeout": CONNECT_SECONDS}
    try:
        client = redis.Redis.from_url(remote.url, **options)
        client.connection_pool.make_connection()  # does not connect, but takes the options
    except (TypeError, ValueError) as error:  # redis-py hands options on without a look
        raise AddressError(
            f"'{remote.shown}' has an option that redis-py does not take",
            "see the options of redis.Redis.from_url",
        ) from error
    with client:
        try:
            name, version, _ = identify(client)
        except (redis.RedisError, OSError) as error:
            raise _explained(remote.shown, error) from error
        except (TypeError, ValueError, AttributeError, LookupError) as error:
            # redis-py trusts the answers of a server: on another's it stumbles in any way.
            raise _no_redis(remote.shown, "its answers make no sense") from error
    return Server(remote.url, name, version, spawned=False)


def _explained(shown: str, error: Exception) -> ServerError:
    """One line for what redis-py and the operating system say in many ways."""
    text = str(error).rstrip(".")
    if isinstance(error, redis.BusyLoadingError):
        return ServerError(f"Redis at {shown} is still loading its data", "try again when it has")
    if "WRONGPASS" in text or "invalid username-password" in text or "invalid password" in text:
        return ServerError(
            f"Redis at {shown} refuses this password",
            "put the right one in the URL as redis://:PASSWORD@host",
        )
    if isinstance(error, redis.AuthenticationError) or "NOAUTH" in text:
        return ServerError(
            f"Redis at {shown} needs a password", "put it in the URL as redis://:PASSWORD@host"
        )
    if isinstance(error, redis.exceptions.NoPermissionError):
        return ServerError(
            f"Redis at {shown} does not let this user PING and INFO", "give the user these rights"
        )
    if isinstance(error, redis.TimeoutError):
        return ServerError(
            f"nothing at {shown} answers within {CONNECT_SECONDS:g} s",
            f"check host and port, {EMBEDDED}",
        )
    if isinstance(error, redis.ConnectionError | OSError):
        return ServerError(
            f"cannot reach Redis at {shown}: {text}", f"check that it runs, {EMBEDDED}"
        )
    return _no_redis(shown, text)


def _no_redis(shown: str, why: str) -> ServerError:
    return ServerError(
        f"what answers at {shown} is no Redis to work with: {why}", f"check the port, {EMBEDDED}"
    )
