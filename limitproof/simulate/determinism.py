"""Whether runs repeat: a sample of schedules run twice, and beside what a search has seen."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from time import perf_counter

from limitproof.simulate.promised import yardstick_of
from limitproof.simulate.search.coverage import Coverage, sorted_answers
from limitproof.simulate.search.moments import may_go_on, moments_of
from limitproof.simulate.trace import Choose, Trace
from limitproof.simulate.world import World

SAMPLE = 8  # schedules that are run twice and compared
SHARE_OF_MOVES = 0.3  # of the choices of a sample


def differs(world: World, moves: int = 0, seconds: float = math.inf) -> str:
    """Run a sample of schedules twice: what is different the second time; "" when nothing is.

    seconds: after them, the sample is what was run by then, and one schedule at least.
    """
    for seed in _seeds(world, seconds):
        runs = [world.trace(random_choice(world, seed, moves)) for _ in range(2)]
        if runs[0] != runs[1]:
            other = runs[0].packets != runs[1].packets
            what = "other commands were sent" if other else "it was answered otherwise"
            return f"when the same schedule was run again, {what}: it is not deterministic"
    return ""


def unaccounted(world: World, coverage: Coverage, moves: int = 0, seconds: float = math.inf) -> str:
    """Whether some real run ends as no state of the complete search does; `seconds` as above."""
    for seed in _seeds(world, seconds):
        trace = world.trace(random_choice(world, seed, moves))
        if not _over(world, trace):
            continue  # not all requests could begin
        if sorted_answers(trace.answers) not in coverage.outcomes:
            return "a real run ended as no state of the search does: its states are not all"
    return ""


def _seeds(world: World, seconds: float) -> Iterator[int]:
    """One for each schedule of a sample, as long as there is time; one at least."""
    until = perf_counter() + seconds
    for number in range(SAMPLE):
        if number and perf_counter() > until:
            return
        yield world.cast.seed + number


def _over(world: World, trace: Trace) -> bool:
    return all(len(told) == world.cast.requests for told in trace.answers)


def random_choice(world: World, seed: int, moves: int) -> Choose:
    """Any client that wants to go on, or at most so often one of the moves that a search makes."""
    source, yardstick = random.Random(seed), yardstick_of(world.cast)
    left, moved = moves, False

    def choose(enabled: Sequence[int]) -> int | None:
        nonlocal left, moved
        onward = [one for one in enabled if may_go_on(world, one)]
        if left and not moved and (not onward or source.random() < SHARE_OF_MOVES):
            far = moments_of(world, yardstick)
            if far:
                left, moved = left - 1, True
                return -source.choice(far)
        moved = False
        return source.choice(onward) if onward else None

    return choose
