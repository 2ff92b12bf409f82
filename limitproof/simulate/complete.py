"""Complete search with state caching: every interleaving, each state expanded once.

Looked through in the order of (context switches, steps), so that the first violation is the
smallest. Sources: Godefroid, "Partial-Order Methods" (1996), on stateful search; Musuvathi and
Qadeer, "Iterative context bounding" (PLDI 2007), on the order.
"""

from __future__ import annotations

import heapq
import time
from dataclasses import dataclass

from limitproof.check.instant import overshoot_at_once, refused_with_room
from limitproof.schedules import Answers
from limitproof.simulate.coverage import (
    Coverage,
    Progress,
    Tell,
    Witness,
    ended,
    sorted_answers,
)
from limitproof.simulate.graph import Graph
from limitproof.simulate.paths import Moves, actual_choices, count_paths, sequential_moves
from limitproof.simulate.program import Programs
from limitproof.simulate.world import World

Place = tuple[int, int]
"""A state and the client that ran last, -1 in the beginning."""
EVERY = 256  # states between two looks at the clock


@dataclass(slots=True)
class _Found:
    """Witnesses as places of the search, each the first of its kind."""

    first: Place | None = None
    worst: Place | None = None
    refusal: Place | None = None
    most: int = 0


class Complete:
    """Every interleaving. Raises UncacheableError where equal states need not be equal."""

    def search(self, world: World, limit: int, seconds: float, tell: Tell) -> Coverage:
        begun = time.perf_counter()
        graph = Graph(world, Programs(world))
        came: dict[Place, tuple[Place, int]] = {}
        found, outcomes = _Found(), set[Answers]()
        queue: list[tuple[int, int, Place, Place | None, int]] = [
            (0, 0, (graph.start, -1), None, -1)
        ]
        done: set[Place] = set()
        stopped = ""
        while queue:
            switches, steps, place, before, taken = heapq.heappop(queue)
            if place in done:
                continue
            done.add(place)
            if before is not None:
                came[place] = (before, taken)
            if len(done) % EVERY == 0:
                spent = time.perf_counter() - begun
                progress = Progress(len(graph.states), graph.steps, spent)
                if stopped := ended(tell, progress, seconds):
                    break
            number, last = place
            _judge(graph, place, limit, found, outcomes)
            for client in _choices(graph, number, last):
                edge = graph.step(number, client)
                onward = (edge.target, edge.roles.index(client))
                if onward not in done:
                    cost = switches + (last not in (-1, client))
                    heapq.heappush(queue, (cost, steps + 1, onward, place, client))
        return _coverage(graph, limit, stopped, came, found, outcomes)


def _choices(graph: Graph, number: int, last: int) -> list[int]:
    """One client of each group that is alike, and the one that ran last: it goes on for free."""
    state = graph.states[number]
    chosen = [group[0] for group in state.groups]
    if last >= 0 and last not in chosen and state.nodes[last].packet is not None:
        chosen.append(last)
    return chosen


def _judge(graph: Graph, place: Place, limit: int, found: _Found, outcomes: set[Answers]) -> None:
    state = graph.states[place[0]]
    over = overshoot_at_once(state.answers, limit)
    if over > found.most:
        found.most, found.worst = over, place
        found.first = found.first or place
    if not state.groups:
        outcomes.add(sorted_answers(state.answers))
        if found.refusal is None and refused_with_room(state.answers, limit):
            found.refusal = place


def _coverage(
    graph: Graph,
    limit: int,
    stopped: str,
    came: dict[Place, tuple[Place, int]],
    found: _Found,
    outcomes: set[Answers],
) -> Coverage:
    def witness(place: Place | None, measure: int) -> Witness | None:
        if place is None:
            return None
        return Witness(actual_choices(graph, _way(came, place)), measure)

    first = None
    if found.first is not None:
        over = overshoot_at_once(graph.states[found.first[0]].answers, limit)
        first = witness(found.first, over)
    schedules = overshooting = refusing = 0
    if not stopped:
        schedules, overshooting, refusing = count_paths(
            graph,
            lambda state: overshoot_at_once(state.answers, limit) > 0,
            lambda state: refused_with_room(state.answers, limit),
        )
        alone = sequential_moves(graph, limit) if first is not None else None
        if alone is not None and first is not None:
            first = Witness(actual_choices(graph, alone), first.measure, sequential=True)
    states = len(graph.states)
    covered = f"all {states:,} states, which stand for {schedules:,} schedules"
    return Coverage(
        "complete", not stopped, stopped, states, graph.steps, schedules, overshooting, refusing,
        first, witness(found.worst, found.most), witness(found.refusal, 1), frozenset(outcomes),
        f"{stopped}, {states:,} states seen" if stopped else covered,
    )  # fmt: skip


def _way(came: dict[Place, tuple[Place, int]], place: Place) -> Moves:
    moves = []
    while place in came:
        place, client = came[place]
        moves.append((place[0], client))
    return moves[::-1]
