"""A server that is running, whoever started it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from limitproof.servers.address import redact

CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Server:
    """A Redis, or a Valkey, to work with.

    url may hold a password, so it is not in the repr (show `shown`); name is "redis" or "valkey";
    spawned says whether we started it, and only then may it be flushed or configured; pid is the
    server's process id, None where it runs somewhere else.
    """

    url: str = field(repr=False)
    name: str
    version: str
    spawned: bool
    pid: int | None = None

    @property
    def shown(self) -> str:
        """The URL as it may be shown."""
        return redact(self.url)

    @property
    def meta(self) -> Mapping[str, str]:
        """What a history keeps of it: name and version."""
        return {"name": self.name, "version": self.version}

    def client(self, **options: Any) -> redis.Redis:
        """A fresh client with a pool of its own; use it in a `with`, which closes it.

        Connecting gives up after 2 s and waiting for an answer after 5 s; `options` are those of
        `redis.Redis.from_url` and come first. redis-py's own retries stay as they are.
        """
        return redis.Redis.from_url(self.url, **(timeouts() | options))

    def alive(self) -> bool:
        """Whether it answers a PING now. Never raises for a server that is away."""
        with self.client(retry=no_retry(), socket_timeout=CONNECT_SECONDS) as client:
            try:
                return bool(client.ping())
            except (redis.RedisError, OSError):
                return False


def timeouts() -> dict[str, Any]:
    """Options of a client that never hangs, in seconds."""
    return {"socket_connect_timeout": CONNECT_SECONDS, "socket_timeout": ANSWER_SECONDS}


def no_retry() -> Retry:
    """Fail at the first failure: who asks whether a server is there wants to know it now."""
    return Retry(NoBackoff(), 0)
