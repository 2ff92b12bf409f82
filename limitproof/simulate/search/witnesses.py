"""The smallest counterexamples among all orders of the runs that a stateless search has seen.

Every schedule is some order of a representative, and a violation is there when its first steps
are. So the fewest (context switches, steps) over all orders of all violating representatives is
the smallest of all schedules, once the search is complete; before that, the smallest seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from limitproof.check.instant import overshoot_at_once, refused_with_room
from limitproof.check.instants import Asked, overshoot_for_certain, refused_in_vain
from limitproof.check.yardstick import Yardstick
from limitproof.history.outcome import Outcome
from limitproof.schedules import switches
from limitproof.servers.virtual import START
from limitproof.simulate.promised import yardstick_of
from limitproof.simulate.search.causality import Event
from limitproof.simulate.search.coverage import Witness
from limitproof.simulate.search.reorder import Cost, Positions, shortest_order
from limitproof.simulate.trace import Trace
from limitproof.simulate.world import World

Told = tuple[Asked, ...]
"""The requests of a client that are over."""


class Witnesses:
    """Keeps the smallest overshoot, the largest, the smallest false rejection, error and disorder.

    first: one request after the other where that suffices, else by (moves of the clock, context
    switches, steps).
    """

    def __init__(self, world: World) -> None:
        self._world, self._yardstick = world, yardstick_of(world.cast)
        self._told: dict[tuple[int, int], Told] = {}
        self.first: Witness | None = None
        self.worst: Witness | None = None
        self.least_refusal: Witness | None = None
        self.least_error: Witness | None = None
        self.least_disorder: Witness | None = None

    def overshoot(self, trace: Trace, events: Sequence[Event], most: int) -> None:
        """A run that ends in an overshoot by `most`."""
        run = self._run(trace, events)
        known = self.first
        alone = run.shortest(1, _cost(known) if known and known.sequential else None, alone=True)
        if alone is not None:
            self.first = Witness(run.choices(alone), run.over(alone), sequential=True)
        elif known is None or not known.sequential:
            shorter = run.shortest(1, _cost(known))
            if shorter is not None:
                self.first = Witness(run.choices(shorter), run.over(shorter))
        if self.worst is None or most > self.worst.measure:
            shorter = run.shortest(most)
            choices = trace.choices if shorter is None else run.choices(shorter)
            self.worst = Witness(choices, most)

    def refusal(self, trace: Trace, events: Sequence[Event]) -> None:
        """A run that ends with a false rejection: known as soon as no request is under way."""
        run = self._run(trace, events)
        self.least_refusal = _least(self.least_refusal, run, run.refused, trace)

    def disorder(self, trace: Trace, events: Sequence[Event]) -> None:
        """A run that ends as no order of the requests does."""
        run = self._run(trace, events)
        self.least_disorder = _least(self.least_disorder, run, run.whole, trace)

    def error(self, trace: Trace, events: Sequence[Event]) -> None:
        """A run in which some request was answered with no Decision."""
        run = self._run(trace, events)
        self.least_error = _least(self.least_error, run, run.error, trace)

    def _run(self, trace: Trace, events: Sequence[Event]) -> _Run:
        moves = [choice for choice in trace.choices if choice < 0]
        return _Run(events, self._answers(trace, events), self._yardstick, moves)

    def _answers(self, trace: Trace, events: Sequence[Event]) -> list[list[Told]]:
        """What each client had been told by its limiter after each of its steps."""
        steps = [
            sum(one.client == client for one in events) for client in range(len(trace.answers))
        ]
        found = [[self._at_first(client)] if steps[client] else [] for client in range(len(steps))]
        for place, event in enumerate(events):
            if event.client < len(steps) and event.number < steps[event.client]:
                found[event.client].append(self._midway(trace, place, event))
        for client in range(len(steps)):
            found[client].append(_asked(trace, client))
        return found

    def _at_first(self, client: int) -> Told:
        """What a client is told that has not asked Redis yet."""
        if self._world.cast.requests == 1:
            return ()
        if (client, -1) not in self._told:
            trace = self._world.trace(lambda _: None)
            for other in range(len(trace.answers)):
                self._told[other, -1] = _asked(trace, other)
        return self._told[client, -1]

    def _midway(self, trace: Trace, place: int, event: Event) -> Told:
        """What a client had been told after a step, learned from a run that ends there."""
        if self._world.cast.requests == 1:
            return ()
        key = (event.client, event.history)
        if key not in self._told:
            left = iter(trace.choices[: place + 1])
            told = self._world.trace(lambda _: next(left, None))
            self._told[key] = _asked(told, event.client)
        return self._told[key]


class _Run:
    """A run whose steps may be reordered. The clock, where it moves, is one more than the clients.

    moves: what it moves by, one after the other, each below 0.
    """

    def __init__(
        self,
        events: Sequence[Event],
        answers: list[list[Told]],
        yardstick: Yardstick,
        moves: Sequence[int],
    ) -> None:
        self._clients, self._moves = len(answers), moves
        every = range(len(events[0].clock) if events else self._clients)
        self._steps = [[e.clock for e in events if e.client == one] for one in every]
        self._answers, self._yardstick = answers, yardstick
        instants = (one.ended for told in answers for one in told[-1])
        self._still = all(instant == START for instant in instants)

    def choices(self, order: Sequence[int]) -> tuple[int, ...]:
        """An order as a world takes it: the clock as what it moves by."""
        moves = iter(self._moves)
        return tuple(next(moves) if one == self._clients else one for one in order)

    def shortest(
        self, measure: int, below: Cost | None = None, *, alone: bool = False
    ) -> tuple[int, ...] | None:
        """The shortest order that overshoots by as much; alone: one request after the other."""
        return self._order(lambda here: self._over(here) >= measure, below, alone=alone)

    def whole(self, below: Cost | None, *, alone: bool = False) -> tuple[int, ...] | None:
        """The shortest order of all steps."""
        full = tuple(map(len, self._steps))
        return self._order(lambda here: here == full, below, alone=alone)

    def error(self, below: Cost | None, *, alone: bool = False) -> tuple[int, ...] | None:
        """The shortest order after which somebody was answered with no Decision."""
        return self._order(self._failed, below, alone=alone)

    def refused(self, below: Cost | None, *, alone: bool = False) -> tuple[int, ...] | None:
        """The shortest order after which somebody was refused in vain, and nobody is asking."""
        return self._order(self._refused, below, alone=alone)

    def over(self, order: Sequence[int]) -> int:
        """By how much an order of some of the steps overshoots."""
        return self._over(tuple(order.count(one) for one in range(len(self._steps))))

    def _order(
        self, reached: Callable[[Positions], bool], below: Cost | None, *, alone: bool
    ) -> tuple[int, ...] | None:
        may_leave = self._between if alone else lambda _client, _taken: True
        return shortest_order(self._steps, reached, below, may_leave, self._clients)

    def _told(self, here: Positions) -> list[Told]:
        return [told[taken] for told, taken in zip(self._answers, here, strict=False)]

    def _over(self, here: Positions) -> int:
        told = self._told(here)
        if self._still:
            outcomes = [tuple(one.outcome for one in asked) for asked in told]
            return overshoot_at_once(outcomes, self._yardstick.limit)
        return overshoot_for_certain([one for asked in told for one in asked], self._yardstick)

    def _failed(self, here: Positions) -> bool:
        return any(one.outcome is Outcome.ERROR for told in self._told(here) for one in told)

    def _refused(self, here: Positions) -> bool:
        clients = range(self._clients)
        if not all(not here[one] or self._between(one, here[one]) for one in clients):
            return False
        told = self._told(here)
        if self._still:
            outcomes = [tuple(one.outcome for one in asked) for asked in told]
            return refused_with_room(outcomes, self._yardstick.limit)
        return refused_in_vain([one for asked in told for one in asked], self._yardstick)

    def _between(self, client: int, taken: int) -> bool:
        """Whether a client has just been told something, so that no request of it is under way."""
        answers = self._answers[client]
        return len(answers[taken]) > len(answers[taken - 1])


def _least(
    known: Witness | None,
    run: _Run,
    shortest: Callable[..., tuple[int, ...] | None],
    trace: Trace,
) -> Witness:
    """What is known, or an order of this run that is less: one request after the other at best."""
    alone = shortest(_cost(known) if known and known.sequential else None, alone=True)
    if alone is not None:
        return Witness(run.choices(alone), 1, sequential=True)
    if known is not None and known.sequential:
        return known
    shorter = shortest(_cost(known))
    if shorter is not None:
        return Witness(run.choices(shorter), 1)
    return known or Witness(trace.choices, 1)


def _asked(trace: Trace, client: int) -> Told:
    spans = zip(trace.answers[client], trace.spans[client], strict=True)
    return tuple(Asked(outcome, begun, ended) for outcome, (begun, ended) in spans)


def _cost(known: Witness | None) -> Cost | None:
    if known is None:
        return None
    moves = sum(choice < 0 for choice in known.choices)
    return moves, switches(known.choices), len(known.choices)
