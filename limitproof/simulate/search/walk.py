"""Random walks: where nothing better is valid or affordable. They find races, and prove nothing."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from time import perf_counter

from limitproof.check.instant import overshoot_at_once, refused_with_room
from limitproof.schedules import Answers, switches
from limitproof.simulate.recall import Recall
from limitproof.simulate.search.coverage import (
    Coverage,
    Progress,
    Tell,
    Witness,
    sorted_answers,
    stop_of,
)
from limitproof.simulate.trace import Choose, Trace
from limitproof.simulate.world import World

NewChoice = Callable[[random.Random], Choose]
"""Makes the choices of one run from a source of random numbers."""
EVERY = 64  # runs between two words on how far it is


def uniform(source: random.Random) -> Choose:
    """Every client that wants to send is as likely."""

    def choose(enabled: Sequence[int]) -> int:
        return source.choice(enabled)

    return choose


class Walk:
    """Runs schedules at random, each from an empty server; the smallest witnesses are kept.

    Stateless: whatever a connection remembers (WATCH) is real here. most: runs, None for as many
    as there is time for; afresh: let every client go through its program again in each run, for
    limiters that do otherwise the next time.
    """

    def __init__(
        self,
        new_choice: NewChoice = uniform,
        name: str = "random walk",
        most: int | None = None,
        *,
        afresh: bool = False,
    ) -> None:
        self._new_choice, self._name, self._most = new_choice, name, most
        self._afresh = afresh

    def search(self, world: World, limit: int, seconds: float, tell: Tell) -> Coverage:
        with Recall(world) as recall:
            run = world.trace if self._afresh else recall.trace
            return self._search(run, world.cast.seed, limit, seconds, tell)

    def _search(
        self, run: Callable[[Choose], Trace], seed: int, limit: int, seconds: float, tell: Tell
    ) -> Coverage:
        source = random.Random(seed)
        begun = perf_counter()
        first = worst = refusal = None
        outcomes: set[Answers] = set()
        runs = over_runs = refused_runs = steps = 0
        stopped = ""
        while (spent := perf_counter() - begun) < seconds and runs != self._most:
            trace = run(self._new_choice(source))
            runs, steps = runs + 1, steps + len(trace.choices)
            outcomes.add(sorted_answers(trace.answers))
            if over := overshoot_at_once(trace.answers, limit):
                over_runs += 1
                first = _smaller(first, trace, over)
                if worst is None or over > worst.measure:
                    worst = Witness(trace.choices, over)
            if refused_with_room(trace.answers, limit):
                refused_runs += 1
                refusal = _smaller(refusal, trace, 1)
            if runs % EVERY == 0 and (stop := stop_of(tell, Progress(0, runs, spent), seconds)):
                stopped = stop.why
                break
        return Coverage(
            self._name, False, stopped or f"stopped after {runs:,} schedules", 0, steps, runs,
            over_runs, refused_runs, first, worst, refusal, frozenset(outcomes),
            f"{runs:,} schedules by {self._name} of an unknown number",
        )  # fmt: skip


def _smaller(known: Witness | None, trace: Trace, measure: int) -> Witness:
    new = Witness(trace.choices, measure)
    if known is None:
        return new
    return min(known, new, key=lambda one: (switches(one.choices), len(one.choices)))
