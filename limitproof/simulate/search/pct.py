"""Probabilistic concurrency testing: random priorities, and a few random changes of them.

With n clients and k steps, a race that needs d ordering constraints is found by one run with
probability of at least 1 / (n · k^(d−1)). Source: Burckhardt, Kothari, Musuvathi, Nagarakatte,
"A randomized scheduler with probabilistic guarantees of finding bugs" (ASPLOS 2010).
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from limitproof.simulate.search.walk import NewChoice, Walk
from limitproof.simulate.trace import Choose


def priorities(clients: int, steps: int, depth: int) -> NewChoice:
    """Runs by priority: the highest that wants to send goes on, until a change point lowers it."""

    def new_choice(source: random.Random) -> Choose:
        rank = {client: depth + place for place, client in enumerate(_mixed(clients, source))}
        points = [source.randrange(steps) for _ in range(depth - 1)]
        taken = 0

        def choose(enabled: Sequence[int]) -> int:
            nonlocal taken
            chosen = max(enabled, key=rank.__getitem__)
            for place, point in enumerate(points):
                if point == taken:
                    rank[chosen] = place
                    chosen = max(enabled, key=rank.__getitem__)
            taken += 1
            return chosen

        return choose

    return new_choice


def pct(clients: int, steps: int, depth: int = 3, most: int | None = None) -> Walk:
    """A search by PCT; `steps` is about the length of a run."""
    return Walk(priorities(clients, max(steps, 1), depth), f"PCT of depth {depth}", most)


def chance(clients: int, steps: int, depth: int, runs: int) -> float:
    """The probability, at least, with which so many runs find a race of this depth."""
    missed: float = (1 - 1 / (clients * max(steps, 1) ** (depth - 1))) ** runs
    return 1 - missed


def _mixed(clients: int, source: random.Random) -> list[int]:
    return source.sample(range(clients), clients)
