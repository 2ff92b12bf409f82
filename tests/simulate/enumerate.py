"""Every interleaving by brute force: no caching, no symmetry, each run from an empty server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from limitproof.check.instants import asked_of, overshoot_for_certain, refused_in_vain
from limitproof.schedules import Answers, switches
from limitproof.simulate.promised import yardstick_of
from limitproof.simulate.search.coverage import sorted_answers
from limitproof.simulate.search.moments import moments_of
from limitproof.simulate.trace import Choose
from limitproof.simulate.world import World


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


def enumerate_all(world: World, limit: int, moves: int = 0) -> Everything:
    """Depth first: each run follows a prefix and then the first client that wants to send.

    moves: how often the clock may move in a run; never before the first step, nor twice on end.
    """
    yardstick = yardstick_of(world.cast)
    assert yardstick.limit == limit
    prefix: list[int] = []
    runs = over_runs = refused_runs = worst = 0
    fewest: int | None = None
    outcomes: set[Answers] = set()
    while True:
        offered: list[tuple[int, ...]] = []

        trace = world.trace(following(prefix, offered, world if moves else None, moves))
        runs += 1
        outcomes.add(sorted_answers(trace.answers))
        requests = asked_of(trace.answers, trace.spans)
        if over := overshoot_for_certain(requests, yardstick):
            over_runs += 1
            worst = max(worst, over)
            turns = switches(trace.choices)
            fewest = turns if fewest is None else min(fewest, turns)
        refused_runs += refused_in_vain(requests, yardstick)
        place = len(offered) - 1
        while place >= 0 and trace.choices[place] == offered[place][-1]:
            place -= 1
        if place < 0:
            return Everything(runs, over_runs, refused_runs, worst, fewest, frozenset(outcomes))
        here = offered[place]
        after = here[here.index(trace.choices[place]) + 1]
        prefix = [*trace.choices[:place], after]


def following(
    prefix: Sequence[int],
    offered: list[tuple[int, ...]],
    world: World | None = None,
    moves: int = 0,
) -> Choose:
    """Chooses by the prefix, then the first client; notes in `offered` what could be chosen."""
    taken: list[int] = []

    def choose(enabled: Sequence[int]) -> int:
        moved = sum(one < 0 for one in taken)
        far: list[int] = []
        if world is not None and moved < moves and (not taken or taken[-1] >= 0):
            far = moments_of(world, yardstick_of(world.cast))
        offered.append((*enabled, *(-one for one in far)))
        place = len(offered) - 1
        taken.append(prefix[place] if place < len(prefix) else enabled[0])
        return taken[-1]

    return choose
