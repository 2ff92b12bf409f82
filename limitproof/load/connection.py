"""A client's connection without the pool's work on every command."""

from __future__ import annotations

from typing import Any

import redis


class OwnConnection(redis.ConnectionPool):
    """A pool for one client, which has its connection to itself and gets it without a look.

    redis-py polls a connection before it hands it out. Under Locust that costs as much as the
    command itself, and lets the other clients of the process go first: between the invocation of
    a request and its sending, so that nobody could say when it was decided. Without the poll, a
    connection that the server has closed is found by the command that is sent on it: it fails,
    and its outcome is unknown. A second connection at the same time (a subscription, a WATCH)
    comes from the pool as ever.
    """

    _free: list[Any]

    def reset(self) -> None:
        super().reset()
        self._free = []

    def get_connection(self, command_name: str | None = None, *keys: Any, **options: Any) -> Any:  # noqa: ARG002
        """The connection; Any, as redis-py's versions have different types for it."""
        try:
            return self._free.pop()
        except IndexError:
            return super().get_connection()

    def release(self, connection: Any) -> None:
        if self._free or connection not in self._in_use_connections:
            super().release(connection)
        else:
            self._free.append(connection)


def own_client(url: str, **options: Any) -> redis.Redis:
    """A client with one connection; `options` are those of `redis.Redis.from_url`.

    Use it in a `with`, which closes the connection.
    """
    return redis.Redis.from_pool(OwnConnection.from_url(url, **options))
