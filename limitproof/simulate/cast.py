"""Who plays in a world."""

from __future__ import annotations

from dataclasses import dataclass

from limiters.contract import Quota
from limiters.registry import Target
from limitproof.schedules import Granularity
from limitproof.simulate.seat import Factory


@dataclass(frozen=True, slots=True)
class Cast:
    """Who plays: a limiter, its quota, so many clients of so many requests each.

    offsets: by how many microseconds each client's clock is off, () when none is. moves: how often
    the clock may move on within one run, at most, when all runs are looked through; apart: by how
    many microseconds, at least, a request begins after the one that began before it; promise: what
    to judge by, as `--promise` takes it, "" for what the limiter declares.
    """

    target: Target
    quota: Quota
    clients: int
    requests: int = 1
    seed: int = 0
    granularity: Granularity = "packet"
    offsets: tuple[int, ...] = ()
    moves: int = 0
    apart: int = 0
    promise: str = ""

    def offset(self, client: int) -> int:
        """How far a client's clock is off, in microseconds."""
        return self.offsets[client] if self.offsets else 0

    @property
    def factory(self) -> Factory:
        return self.target.factory
