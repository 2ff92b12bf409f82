"""Every interleaving by brute force: no caching, no symmetry, each run from an empty server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from limitproof.check.instant import overshoot_at_once, refused_with_room
from limitproof.schedules import Answers, switches
from limitproof.simulate.coverage import sorted_answers
from limitproof.simulate.world import Choose, World


@dataclass(frozen=True, slots=True)
class Everything:
    """How many schedules there are, how many are bad, and all their ends.

    worst: the largest overshoot; fewest: the least context switches of one that overshoots.
    """

    schedules: int
    overshooting: int
    refusing: int
    worst: int
    fewest: int | None
    outcomes: frozenset[Answers]


def enumerate_all(world: World, limit: int) -> Everything:
    """Depth first: each run follows a prefix and then the first client that wants to send."""
    prefix: list[int] = []
    runs = over_runs = refused_runs = worst = 0
    fewest: int | None = None
    outcomes: set[Answers] = set()
    while True:
        offered: list[tuple[int, ...]] = []

        trace = world.trace(following(prefix, offered))
        runs += 1
        outcomes.add(sorted_answers(trace.answers))
        if over := overshoot_at_once(trace.answers, limit):
            over_runs += 1
            worst = max(worst, over)
            turns = switches(trace.choices)
            fewest = turns if fewest is None else min(fewest, turns)
        refused_runs += refused_with_room(trace.answers, limit)
        place = len(offered) - 1
        while place >= 0 and trace.choices[place] == offered[place][-1]:
            place -= 1
        if place < 0:
            return Everything(runs, over_runs, refused_runs, worst, fewest, frozenset(outcomes))
        here = offered[place]
        after = here[here.index(trace.choices[place]) + 1]
        prefix = [*trace.choices[:place], after]


def following(prefix: Sequence[int], offered: list[tuple[int, ...]]) -> Choose:
    """Chooses by the prefix, then the first client; notes in `offered` who could be chosen."""

    def choose(enabled: Sequence[int]) -> int:
        offered.append(tuple(enabled))
        place = len(offered) - 1
        return prefix[place] if place < len(prefix) else enabled[0]

    return choose
