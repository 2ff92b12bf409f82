"""A client's connection: cheap to take, and fair to the other clients of the process."""

from __future__ import annotations

import time
from typing import Any, ClassVar

import redis


def let_others_go() -> None:
    """Under Locust, give every other client of the process that can go on its turn.

    sleep(0) would let those that need not wait pass those that wait for an answer, for up to
    5 ms: gevent looks at sockets only when nobody is ready. A sleep of any length makes it look.
    """
    time.sleep(1e-9)


class OwnConnection(redis.ConnectionPool):
    """A pool for one client, which has its connection to itself and gets it without a look.

    redis-py's pool polls a connection before it hands it out. Under Locust that costs as much as
    the command itself, and lets the other clients go first, between the invocation of a request
    and its sending. Here the others have their turn while the server works: after every command,
    even when its answer is there already, as on a busy machine. Otherwise a client would send one
    request after the other, and no two clients of a process would ever meet.

    A connection that the server has closed is found by the command that is sent on it: it fails,
    and its outcome is unknown. A second connection at the same time (a subscription, a WATCH)
    comes from the pool as ever.
    """

    _fair: ClassVar[dict[type, type]] = {}  # connection classes, and the same with fairness
    _free: list[Any]

    def __init__(self, connection_class: type = redis.Connection, **options: Any) -> None:
        fair = self._fair.get(connection_class)
        if fair is None:
            name = f"Fair{connection_class.__name__}"
            fair = self._fair[connection_class] = type(name, (_Fair, connection_class), {})
        super().__init__(connection_class=fair, **options)

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


class _Fair:
    """Put before a connection class of redis-py."""

    def send_packed_command(self, command: Any, *arguments: Any, **options: Any) -> None:
        super().send_packed_command(command, *arguments, **options)  # type: ignore[misc]
        let_others_go()


def own_client(url: str, **options: Any) -> redis.Redis:
    """A client with one connection; `options` are those of `redis.Redis.from_url`.

    Use it in a `with`, which closes the connection.
    """
    return redis.Redis.from_pool(OwnConnection.from_url(url, **options))
