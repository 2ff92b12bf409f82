"""Who plays in a test: a cast, and how a world is opened for it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from limiters.contract import Quota
from limiters.registry import resolve
from limitproof.schedules import Granularity
from limitproof.simulate.cast import Cast
from limitproof.simulate.search.coverage import Progress
from limitproof.simulate.world import World
from tests.simulate import edges, specimens

OpenWorld = Callable[..., AbstractContextManager[World]]


def cast(
    target: str,
    clients: int = 2,
    limit: int = 1,
    *,
    requests: int = 1,
    granularity: Granularity = "packet",
    seed: int = 0,
    offsets: tuple[int, ...] = (),
    moves: int = 0,
    apart: int = 0,
) -> Cast:
    """So many clients of a registered limiter, or of a specimen; windows of a second."""
    module = edges if hasattr(edges, target) else specimens
    where = target if target[0].islower() else f"{module.__name__}:{target}"
    quota = Quota(limit, 1.0)
    return Cast(resolve(where), quota, clients, requests, seed, granularity, offsets, moves, apart)


def silent(_progress: Progress) -> None:
    """Tells nobody."""
