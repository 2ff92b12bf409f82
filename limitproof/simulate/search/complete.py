"""Complete search with state caching: every interleaving, each state expanded once.

Looked through in the order of (moves of the clock, context switches, steps), so that the first
violation is the smallest, and everything at one instant is done before the clock moves at all.
Sources: Godefroid, "Partial-Order Methods" (1996), on stateful search; Musuvathi and Qadeer,
"Iterative context bounding" (PLDI 2007), on the order; Burckhardt, Dern, Musuvathi and Tan,
"Line-Up: a complete and automatic linearizability checker" (PLDI 2010), on the ends of all orders.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from time import perf_counter

from limitproof.check.instant import overshoot_at_once, refused_with_room
from limitproof.check.instants import overshoot_for_certain, refused_in_vain
from limitproof.check.yardstick import Yardstick
from limitproof.history.outcome import Outcome
from limitproof.schedules import Answers
from limitproof.simulate.promised import yardstick_of
from limitproof.simulate.refusal import NotAlikeError, UncacheableError
from limitproof.simulate.search.coverage import (
    Coverage,
    Progress,
    Stop,
    Tell,
    Witness,
    sorted_answers,
    stop_of,
)
from limitproof.simulate.search.ends import End
from limitproof.simulate.search.graph import Graph
from limitproof.simulate.search.names import Names
from limitproof.simulate.search.orders import SLEPT
from limitproof.simulate.search.paths import (
    Moves,
    actual_choices,
    count_known_paths,
    count_paths,
    one_after_the_other,
)
from limitproof.simulate.search.program import Programs
from limitproof.simulate.search.tally import with_moves
from limitproof.simulate.world import World

Place = tuple[int, int, bool]
"""A state, the client that ran last (-1 in the beginning), and whether the clock has just moved."""
MOST_ALONE = 2_000  # states looked at for a way without interleaving, after a search was ended
EVERY = 256  # states between two looks at the clock
LEAST = 0.5  # seconds that a small search has in any case; with many clients, a step takes long


class Judges:
    """What is wrong with a state, by its number. Each is judged once."""

    def __init__(self, graph: Graph, yardstick: Yardstick) -> None:
        start = graph.states[graph.start].instant
        limit = yardstick.limit

        @cache
        def overshoot(number: int) -> int:
            state = graph.states[number]
            if state.instant == start:
                return overshoot_at_once(state.answers, limit)
            return overshoot_for_certain(state.asked, yardstick)

        @cache
        def refusing(number: int) -> bool:
            state = graph.states[number]
            if state.instant == start:
                return refused_with_room(state.answers, limit)
            return refused_in_vain(state.asked, yardstick)

        @cache
        def erring(number: int) -> bool:
            return any(Outcome.ERROR in answers for answers in graph.states[number].answers)

        self.overshoot, self.refusing, self.erring = overshoot, refusing, erring
        self.end: Callable[[int], End] = cache(graph.end)

    def overshooting(self, number: int) -> bool:
        return self.overshoot(number) > 0


@dataclass(slots=True)
class _Found:
    """Witnesses as places of the search, each the first of its kind.

    refused: whether all can end so that somebody was refused in vain; refusal: where that is known,
    perhaps before others have begun. ends: those at one instant, each with the first place that
    ends so; slept: whether without any move there are others, as a sleep moves the clock.
    """

    first: Place | None = None
    worst: Place | None = None
    refused: bool = False
    refusal: Place | None = None
    error: Place | None = None
    most: int = 0
    outcomes: set[Answers] = field(default_factory=set)
    ends: dict[End, Place] = field(default_factory=dict)
    slept: bool = False


@dataclass(frozen=True, slots=True)
class Level:
    """What was known when all was seen that takes at most so many moves of the clock."""

    moves: int
    states: int
    outcomes: frozenset[Answers]


class Complete:
    """Every interleaving, with at most `moves` moves of the clock.

    Raises UncacheableError where equal states need not be equal.
    """

    def __init__(self, moves: int = 0) -> None:
        self._moves = moves

    def search(
        self,
        world: World,
        limit: int,  # noqa: ARG002 - as of all strategies; here the whole promise is asked
        seconds: float,
        tell: Tell,
    ) -> Coverage:
        begun = perf_counter()
        try:
            return self._search(world, begun, seconds, tell, alike=True)
        except NotAlikeError:
            return self._search(world, begun, seconds, tell, alike=False)

    def _search(
        self, world: World, begun: float, seconds: float, tell: Tell, *, alike: bool
    ) -> Coverage:
        yardstick = yardstick_of(world.cast)
        world.reset()  # a run before this one may have left the clock at a later instant
        programs = Programs(world, alike=alike)
        graph = Graph(world, programs, yardstick)
        judges = Judges(graph, yardstick)
        came: dict[Place, tuple[Place, int]] = {}
        found, levels = _Found(), list[Level]()
        queue: list[tuple[int, int, int, Place, Place | None, int]] = [
            (0, 0, 0, (graph.start, -1, False), None, 0)
        ]
        done: set[Place] = set()
        stop: Stop | None = None
        told = schedules = 0
        while queue:
            moved, switches, steps, place, before, taken = heapq.heappop(queue)
            if place in done:
                continue
            while moved > len(levels):
                levels.append(Level(len(levels), _seen(done), frozenset(found.outcomes)))
            done.add(place)
            if before is not None:
                came[place] = (before, taken)
            spent = perf_counter() - begun
            if len(done) % EVERY == 0 or spent > max(seconds, LEAST):
                if len(done) >= 2 * told:  # what it takes grows with the states
                    told, schedules = len(done), count_known_paths(graph, self._moves)
                progress = Progress(len(graph.states), schedules, spent)
                if stop := stop_of(tell, progress, seconds):
                    break
            number, last, just_moved = place
            _judge(graph, judges, place, moved, found)
            for client in _choices(graph, number, last):
                edge = graph.step(number, client)
                onward = (edge.target, edge.roles.index(client), False)
                if onward not in done:
                    cost = switches + (last not in (-1, client))
                    heapq.heappush(queue, (moved, cost, steps + 1, onward, place, client))
            if moved < self._moves and not just_moved and not graph.states[number].over:
                for move in graph.moves(number):
                    edge = graph.step(number, move)
                    whose = edge.roles.index(last) if last >= 0 else last
                    onward = (edge.target, whose, True)
                    if onward not in done:
                        heapq.heappush(queue, (moved + 1, switches, steps + 1, onward, place, move))
        if stop is None:
            while len(levels) <= self._moves:
                levels.append(Level(len(levels), _seen(done), frozenset(found.outcomes)))
        return _Report(graph, judges, came, found, levels, stop, programs).coverage()


def _seen(done: set[Place]) -> int:
    return len({place[0] for place in done})


def _choices(graph: Graph, number: int, last: int) -> list[int]:
    """One client of each group that is alike, and the one that ran last: it goes on for free."""
    state = graph.states[number]
    chosen = [group[0] for group in state.groups]
    if last not in chosen and any(last in group for group in state.groups):
        chosen.append(last)
    return chosen


def _judge(graph: Graph, judges: Judges, place: Place, moved: int, found: _Found) -> None:
    number = place[0]
    over = judges.overshoot(number)
    if over > found.most:
        found.most, found.worst = over, place
        found.first = found.first or place
    if found.error is None and judges.erring(number):
        found.error = place
    state = graph.states[number]
    if state.over:
        found.outcomes.add(sorted_answers(state.answers))
        if state.instant == graph.states[graph.start].instant:
            found.ends.setdefault(judges.end(number), place)
        elif not moved:
            found.slept = True
        found.refused |= judges.refusing(number)
    if found.refusal is None and state.quiet and judges.refusing(number):
        found.refusal = place


@dataclass(frozen=True, slots=True)
class _Report:
    """From a search that is over to what it covered."""

    graph: Graph
    judges: Judges
    came: dict[Place, tuple[Place, int]]
    found: _Found
    levels: list[Level]
    stop: Stop | None
    programs: Programs

    def coverage(self) -> Coverage:
        found, judges, graph = self.found, self.judges, self.graph
        # Of a search that was ended the orders alone may be too many: ten clients have 3,628,800.
        orders = _orders(graph, judges) if self.levels else frozenset()
        bad_ends = (place for end, place in found.ends.items() if orders and end not in orders)
        disorder = next(bad_ends, None)
        slept = found.slept
        if slept and disorder is None:
            orders = frozenset()
        schedules = overshooting = refusing = erring = disordered = 0
        done = self.levels[-1] if self.levels else None
        if done is not None:
            schedules, overshooting, refusing, erring = count_paths(
                graph, done.moves, judges.overshooting, judges.refusing, judges.erring
            )
        if done is not None and disorder is not None:
            _, disordered = count_paths(graph, 0, lambda one: judges.end(one) not in orders)
        stop = self.stop
        return Coverage(
            "complete", stop is None, stop.why if stop else "",
            len(graph.states), graph.steps, schedules, overshooting, refusing,
            self._witness(found.first, judges.overshoot, judges.overshooting),
            self._witness(found.worst, judges.overshoot, self._as_bad_as(found.most)),
            self._witness(found.refusal if found.refused else None, _one, self._refusing),
            frozenset(found.outcomes), self._sentence(schedules, slept=slept),
            done.moves if done is not None else -1,
            self._witness(found.error, _one, judges.erring), erring,
            self._witness(disorder, _one), disordered, orders, self.programs.names,
            unfinished=stop is not None and stop.out_of_time,
        )  # fmt: skip

    def _witness(
        self,
        place: Place | None,
        measure: Callable[[int], int],
        alike: Callable[[int], bool] | None = None,
    ) -> Witness | None:
        """The way to a place; or one without any interleaving, where `alike` finds such a one."""
        if place is None:
            return None
        way = _way(self.came, place)
        if alike is not None:
            most = sum(choice < 0 for _, choice in way)
            ways = one_after_the_other(self.graph, most)
            for number, alone in ways if self.levels else islice(ways, MOST_ALONE):
                if alike(number):
                    choices = actual_choices(self.graph, alone)
                    return Witness(choices, measure(number), sequential=True)
        return Witness(actual_choices(self.graph, way), measure(place[0]))

    def _as_bad_as(self, most: int) -> Callable[[int], bool]:
        return lambda number: self.judges.overshoot(number) >= most

    def _refusing(self, number: int) -> bool:
        return self.graph.states[number].quiet and self.judges.refusing(number)

    def _sentence(self, schedules: int, *, slept: bool) -> str:
        states, apart = len(self.graph.states), self.programs.world.cast.apart
        seen = f"{self.stop.why}, {states:,} states seen" if self.stop else ""
        if not self.levels:
            return seen
        done = self.levels[-1]
        known = f"{done.states:,} states" if self.stop else f"{states:,} states"
        known += f" of requests at least {apart / 1000:g} ms apart" if apart else ""
        said = f"all {known}{with_moves(done.moves)}, which stand for {schedules:,} schedules"
        if seen:
            said += f"; {with_moves(done.moves + 1).strip()}, {seen}"
        if slept:
            said += f"; not all ends were compared with those of the orders: {SLEPT}"
        return said


def orders_of(world: World) -> tuple[frozenset[End], Names]:
    """The ends of all orders of the requests at one instant, and the names in them.

    Raises UncacheableError where equal states need not be equal.
    """
    yardstick = yardstick_of(world.cast)
    for alike in (True, False):
        world.reset()
        try:
            programs = Programs(world, alike=alike)
            graph = Graph(world, programs, yardstick)
            return _orders(graph, Judges(graph, yardstick)), programs.names
        except NotAlikeError:
            continue
    raise UncacheableError("clients that were told the same sent something else")


def _orders(graph: Graph, judges: Judges) -> frozenset[End]:
    """Empty where a sleep moves the clock."""
    ends, start = set(), graph.states[graph.start].instant
    for number, _ in one_after_the_other(graph, 0):
        state = graph.states[number]
        if state.instant != start:
            return frozenset()
        if state.over:
            ends.add(judges.end(number))
    return frozenset(ends)


def _one(_number: int) -> int:
    return 1


def _way(came: dict[Place, tuple[Place, int]], place: Place) -> Moves:
    moves = []
    while place in came:
        place, choice = came[place]
        moves.append((place[0], choice))
    return moves[::-1]
