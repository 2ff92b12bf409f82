"""What a server says it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import redis


def identify(client: redis.Redis) -> tuple[str, str, int | None]:
    """The server's name ("redis" or "valkey"), its own version, and its process id.

    Valkey also reports the version of Redis that it is compatible with: not that one.
    Raises redis.RedisError when it does not answer, redis.InvalidResponse when what it answers
    is not what a Redis does. Source: https://valkey.io/commands/info/
    """
    client.ping()
    info = cast("Mapping[str, Any]", client.info("server"))
    if "redis_version" not in info:
        raise redis.InvalidResponse("INFO tells no redis_version")
    name = "valkey" if "valkey_version" in info else "redis"
    pid = info.get("process_id")
    return name, str(info[f"{name}_version"]), pid if isinstance(pid, int) else None
