"""`python -m tests.mutants.probe TARGET`: ends with 1 when a limiter raises in every call.

Such a mutant is stillborn: whoever runs it once sees it, so that killing it proves nothing.
"""

from __future__ import annotations

import sys
from typing import Any

from limiters.contract import Decision, Quota
from limiters.registry import TargetError, resolve
from limitproof.servers.spawn import spawned


def lives(target: str) -> bool:
    """Whether any of a few requests is answered with a Decision."""
    with spawned() as server, server.client() as client:
        try:
            factory: Any = resolve(target).factory
            limiter = factory(client, Quota(2, 60.0), lambda: 1_700_000_000.0)
        except (TargetError, Exception):  # noqa: BLE001
            return False
        return any(_answers(limiter, key) for key in ("a", "a", "a", "b"))


def _answers(limiter: Any, key: str) -> bool:
    try:
        return isinstance(limiter.acquire(key), Decision)
    except Exception:  # noqa: BLE001
        return False


if __name__ == "__main__":
    sys.exit(not lives(sys.argv[1]))
