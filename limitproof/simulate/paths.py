"""Ways through the graph of states: the actual choices of one, and how many there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from limitproof.check.instant import overshoot_at_once
from limitproof.history.columns import Outcome
from limitproof.simulate.graph import Graph, Order, State

Moves = Sequence[tuple[int, int]]
"""(state, client of that state) one after the other."""


def actual_choices(graph: Graph, moves: Moves) -> tuple[int, ...]:
    """The clients of a path, each by the number that it had in the beginning.

    Each state lists its clients in an order of its own, so the names are carried along.
    """
    first = graph.states[graph.start]
    names: Order = tuple(range(len(first.nodes)))
    chosen = []
    for state, client in moves:
        chosen.append(names[client])
        roles = graph.step(state, client).roles
        names = tuple(names[role] for role in roles)
    return tuple(chosen)


def count_paths(graph: Graph, *bad: Callable[[State], bool]) -> tuple[int, ...]:
    """How many interleavings there are, and how many end in a state that is bad.

    Clients that are alike are counted by their number, so these are interleavings of clients that
    one can tell apart. Exact, of any size.
    """
    totals: dict[int, tuple[int, ...]] = {}
    waiting = [graph.start]
    while waiting:
        number = waiting[-1]
        state = graph.states[number]
        steps = [(len(group), graph.step(number, group[0]).target) for group in state.groups]
        missing = [target for _, target in steps if target not in totals]
        if missing:
            waiting += missing
            continue
        waiting.pop()
        if steps:
            totals[number] = tuple(
                sum(weight * totals[target][place] for weight, target in steps)
                for place in range(1 + len(bad))
            )
        else:
            totals[number] = (1, *(int(judge(state)) for judge in bad))
    return totals[graph.start]


def sequential_moves(graph: Graph, limit: int) -> Moves | None:
    """A way to an overshoot on which every request is over before the next begins, or None."""
    waiting: list[tuple[int, int | None, Moves]] = [(graph.start, None, ())]
    seen = set()
    while waiting:
        number, last, moves = waiting.pop()
        if (number, last) in seen:
            continue
        seen.add((number, last))
        state = graph.states[number]
        if overshoot_at_once(state.answers, limit):
            return moves
        within = last is not None and not state.nodes[last].fresh
        busy = within and last is not None and state.nodes[last].packet is not None
        for client in [last] if busy else [group[0] for group in state.groups]:
            assert client is not None
            edge = graph.step(number, client)
            waiting.append((edge.target, edge.roles.index(client), (*moves, (number, client))))
    return None


def answered(state: State, outcome: Outcome) -> bool:
    """Whether anybody was told this."""
    return any(outcome in answers for answers in state.answers)
