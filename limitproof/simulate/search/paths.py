"""Ways through the graph of states: the actual choices of one, and how many there are."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence

from limitproof.simulate.search.graph import Graph, Order

Moves = Sequence[tuple[int, int]]
"""(state, choice: a client of that state, or a move of the clock) one after the other."""
Judge = Callable[[int], bool]
"""Whether a state, given by its number, is what is looked for."""
_Place = tuple[int, int, bool]
"""A state, the moves of the clock that are left, and whether one was just made."""


def actual_choices(graph: Graph, moves: Moves) -> tuple[int, ...]:
    """The choices of a path, each client by the number that it had in the beginning.

    Each state lists its clients in an order of its own, so the names are carried along.
    """
    first = graph.states[graph.start]
    names: Order = tuple(range(len(first.nodes)))
    chosen = []
    for state, choice in moves:
        chosen.append(names[choice] if choice >= 0 else choice)
        roles = graph.step(state, choice).roles
        names = tuple(names[role] for role in roles)
    return tuple(chosen)


def count_paths(graph: Graph, most: int, *bad: Judge) -> tuple[int, ...]:
    """How many interleavings there are, and how many end in a state that is bad.

    With at most so many moves of the clock, no two of which follow on each other. Clients that
    are alike are counted by their number, so these are interleavings of clients that one can tell
    apart. Exact, of any size.
    """
    return _count(graph, most, bad, known=False)


def count_known_paths(graph: Graph, most: int) -> int:
    """The same as far as the graph has been looked through: nothing is done on the server."""
    return _count(graph, most, (), known=True)[0]


def _count(graph: Graph, most: int, bad: Sequence[Judge], *, known: bool) -> tuple[int, ...]:
    totals: dict[_Place, tuple[int, ...]] = {}
    start = (graph.start, most, False)
    waiting = [start]
    while waiting:
        place = waiting[-1]
        state = graph.states[place[0]]
        steps = _onward(graph, place, known=known)
        missing = [target for _, target in steps if target not in totals]
        if missing:
            waiting += missing
            continue
        waiting.pop()
        if steps:
            totals[place] = tuple(
                sum(weight * totals[target][column] for weight, target in steps)
                for column in range(1 + len(bad))
            )
        elif state.over:
            totals[place] = (1, *(int(judge(place[0])) for judge in bad))
        else:  # some requests never begin, as the clock may not move any more
            totals[place] = (0,) * (1 + len(bad))
    return totals[start]


def _onward(graph: Graph, place: _Place, *, known: bool) -> list[tuple[int, _Place]]:
    """How many clients may take each step from a place, and where that leads."""
    number, left, moved = place
    state = graph.states[number]
    choices = [(len(one), one[0]) for one in state.groups]
    steps = [
        (weight, (graph.step(number, choice).target, left, False))
        for weight, choice in choices
        if not known or choice in state.edges
    ]
    if not state.over and left and not moved:
        moves = [one for one in state.edges if one < 0] if known else graph.moves(number)
        steps += [(1, (graph.step(number, move).target, left - 1, True)) for move in moves]
    return steps


def one_after_the_other(graph: Graph, most: int) -> Iterator[tuple[int, Moves]]:
    """The states, each with a way to it on which every request is over before the next begins.

    The clock moves at most so many times, and only between two requests. The fewest moves and
    steps come first.
    """
    last: int | None
    queue: list[tuple[int, int, int, int, Moves]] = [(0, 0, graph.start, -1, ())]
    seen = set()
    while queue:
        moved, steps, number, last, way = heapq.heappop(queue)
        if (number, last) in seen:
            continue
        seen.add((number, last))
        yield number, way
        state = graph.states[number]
        busy = last >= 0
        onward = [last] if busy else [group[0] for group in state.groups]
        waiting = not state.over and not busy
        if waiting and moved < most and (not way or way[-1][1] >= 0):
            onward += graph.moves(number)
        for choice in onward:
            edge = graph.step(number, choice)
            who = edge.roles.index(choice) if choice >= 0 else -1
            if who >= 0 and not graph.states[edge.target].nodes[who].busy:
                who = -1
            item = (moved + (choice < 0), steps + 1, edge.target, who, (*way, (number, choice)))
            heapq.heappush(queue, item)
