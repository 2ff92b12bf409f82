"""The control: no limiter at all."""

from __future__ import annotations

import redis

from limiters.contract import Clock, Decision, Quota


class Unlimited:
    """Admits everything, whatever it costs. A check of admission that passes it is broken."""

    def __init__(self, client: redis.Redis, quota: Quota, clock: Clock) -> None:
        """Takes what every limiter takes, and uses none of it."""

    def acquire(self, key: str, cost: int = 1) -> Decision:  # noqa: ARG002
        """Always admitted; nothing is sent to Redis."""
        return Decision(True)
