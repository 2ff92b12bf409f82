"""The smallest counterexamples among all orders of the runs that a stateless search has seen.

Every schedule is some order of a representative, and a violation is there when its first steps
are. So the fewest (context switches, steps) over all orders of all violating representatives is
the smallest of all schedules, once the search is complete; before that, the smallest seen.
"""

from __future__ import annotations

from collections.abc import Sequence

from limitproof.check.instant import overshoot_at_once
from limitproof.history.outcome import Outcome
from limitproof.schedules import switches
from limitproof.simulate.search.causality import Event
from limitproof.simulate.search.coverage import Witness
from limitproof.simulate.search.reorder import Cost, Positions, shortest_order
from limitproof.simulate.trace import Trace
from limitproof.simulate.world import World

Told = tuple[Outcome, ...]


class Witnesses:
    """Keeps the smallest overshoot, the largest, the smallest false rejection and error.

    first: one request after the other where that suffices, else in (context switches, steps).
    """

    def __init__(self, world: World, limit: int) -> None:
        self._world, self._limit = world, limit
        self._told: dict[tuple[int, int], Told] = {}
        self.first: Witness | None = None
        self.worst: Witness | None = None
        self.least_refusal: Witness | None = None
        self.least_error: Witness | None = None

    def overshoot(self, trace: Trace, events: Sequence[Event]) -> None:
        """A run that ends in an overshoot."""
        run = _Run(events, self._answers(trace, events), self._limit)
        known = self.first
        alone = run.shortest(1, _cost(known) if known and known.sequential else None, alone=True)
        if alone is not None:
            self.first = Witness(alone, run.over(alone), sequential=True)
        elif known is None or not known.sequential:
            shorter = run.shortest(1, _cost(known))
            if shorter is not None:
                self.first = Witness(shorter, run.over(shorter))
        most = overshoot_at_once(trace.answers, self._limit)
        if self.worst is None or most > self.worst.measure:
            self.worst = Witness(run.shortest(most) or trace.choices, most)

    def refusal(self, trace: Trace, events: Sequence[Event]) -> None:
        """A run that ends with a false rejection; it takes all steps to know that."""
        run = _Run(events, self._answers(trace, events), self._limit)
        shorter = run.whole(_cost(self.least_refusal))
        if shorter is not None:
            self.least_refusal = Witness(shorter, 1)
        elif self.least_refusal is None:
            self.least_refusal = Witness(trace.choices, 1)

    def error(self, trace: Trace, events: Sequence[Event]) -> None:
        """A run in which some request was answered with no Decision."""
        run = _Run(events, self._answers(trace, events), self._limit)
        shorter = run.error(_cost(self.least_error))
        if shorter is not None:
            self.least_error = Witness(shorter, 1)
        elif self.least_error is None:
            self.least_error = Witness(trace.choices, 1)

    def _answers(self, trace: Trace, events: Sequence[Event]) -> list[list[Told]]:
        """What each client had been told by its limiter after each of its steps."""
        steps = [
            sum(one.client == client for one in events) for client in range(len(trace.answers))
        ]
        found = [[self._at_first(client)] if steps[client] else [] for client in range(len(steps))]
        for place, event in enumerate(events):
            if event.number < steps[event.client]:
                found[event.client].append(self._midway(trace, place, event))
        for client, told in enumerate(trace.answers):
            found[client].append(told)
        return found

    def _at_first(self, client: int) -> Told:
        """What a client is told that has not asked Redis yet."""
        if self._world.cast.requests == 1:
            return ()
        if (client, -1) not in self._told:
            for other, told in enumerate(self._world.trace(lambda _: None).answers):
                self._told[other, -1] = told
        return self._told[client, -1]

    def _midway(self, trace: Trace, place: int, event: Event) -> Told:
        """What a client had been told after a step, learned from a run that ends there."""
        if self._world.cast.requests == 1:
            return ()
        key = (event.client, event.history)
        if key not in self._told:
            left = iter(trace.choices[: place + 1])
            told = self._world.trace(lambda _: next(left, None)).answers
            self._told[key] = told[event.client]
        return self._told[key]


class _Run:
    """A run whose steps may be reordered."""

    def __init__(self, events: Sequence[Event], answers: list[list[Told]], limit: int) -> None:
        clients = range(len(answers))
        self._steps = [[e.clock for e in events if e.client == client] for client in clients]
        self._answers, self._limit = answers, limit

    def shortest(
        self, measure: int, below: Cost | None = None, *, alone: bool = False
    ) -> tuple[int, ...] | None:
        """The shortest order that overshoots by as much; alone: one request after the other."""
        if not alone:
            return shortest_order(self._steps, lambda here: self._over(here) >= measure, below)
        return shortest_order(
            self._steps, lambda here: self._over(here) >= measure, below, self._between
        )

    def whole(self, below: Cost | None) -> tuple[int, ...] | None:
        """The shortest order of all steps."""
        full = tuple(map(len, self._steps))
        return shortest_order(self._steps, lambda here: here == full, below)

    def error(self, below: Cost | None) -> tuple[int, ...] | None:
        """The shortest order after which somebody was answered with no Decision."""
        return shortest_order(self._steps, self._failed, below)

    def over(self, choices: Sequence[int]) -> int:
        """By how much an order of some of the steps overshoots."""
        return self._over(tuple(choices.count(client) for client in range(len(self._steps))))

    def _told(self, here: Positions) -> list[Told]:
        return [self._answers[client][taken] for client, taken in enumerate(here)]

    def _over(self, here: Positions) -> int:
        return overshoot_at_once(self._told(here), self._limit)

    def _failed(self, here: Positions) -> bool:
        return any(Outcome.ERROR in told for told in self._told(here))

    def _between(self, client: int, taken: int) -> bool:
        """Whether a client has just been told something, so that no request of it is under way."""
        answers = self._answers[client]
        return len(answers[taken]) > len(answers[taken - 1])


def _cost(known: Witness | None) -> Cost | None:
    return None if known is None else (switches(known.choices), len(known.choices))
