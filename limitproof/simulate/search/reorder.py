"""The same run with the fewest context switches: an order of its steps that keeps what depends.

A run is a partial order: what one step did matters to another, or it does not. Every order of the
steps that respects it ends the same, so of all of them the one that a person reads best is shown.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence

Clock = tuple[int, ...]
"""How many steps of each client a step comes after, itself counted."""
Positions = tuple[int, ...]
"""How many steps each client has taken."""
Cost = tuple[int, int, int]
"""Moves of the clock, context switches, steps."""
_Place = tuple[Positions, int]  # and who went last, -1 in the beginning
MOST = 20_000  # places looked at; beyond it no shorter order is claimed


def shortest_order(
    steps: Sequence[Sequence[Clock]],
    reached: Callable[[Positions], bool],
    below: Cost | None = None,
    may_leave: Callable[[int, int], bool] = lambda _client, _taken: True,
    clock: int = -1,
) -> tuple[int, ...] | None:
    """The choices with the lowest cost after which `reached` is true.

    steps: of each client, the clocks of its steps in order; below: only what costs less than that;
    may_leave: whether another client may go on when this one has taken so many steps; clock: which
    of them is no client, but the clock, whose steps are its moves. None when there is no such
    order, or none among the first `MOST` places. Source: Dijkstra (1959), over the places (steps
    taken by each client, who went last).
    """
    clients = range(len(steps))
    start = (0,) * len(steps)
    queue: list[tuple[int, int, int, _Place, _Place]] = [(0, 0, 0, (start, -1), (start, -1))]
    came: dict[_Place, _Place] = {}
    while queue and len(came) < MOST:
        moved, switches, taken, place, before = heapq.heappop(queue)
        if place in came:
            continue
        came[place] = before
        here, last = place
        if reached(here):
            return _way(came, place)
        stays = last >= 0 and here[last] < len(steps[last]) and not may_leave(last, here[last])
        for client in (last,) if stays else clients:
            mine = here[client]
            if mine == len(steps[client]) or not _follows(here, client, steps[client][mine]):
                continue
            moves = client == clock
            who = last if moves else client
            cost = (moved + moves, switches + (last not in (-1, who)), taken + 1)
            onward = ((*here[:client], mine + 1, *here[client + 1 :]), who)
            if onward not in came and (below is None or cost < below):
                heapq.heappush(queue, (*cost, onward, place))
    return None


def _follows(here: Positions, client: int, clock: Clock) -> bool:
    """Whether all that a step comes after has been done; its own client's steps are."""
    return all(need <= here[other] or other == client for other, need in enumerate(clock))


def _way(came: dict[_Place, _Place], place: _Place) -> tuple[int, ...]:
    choices = []
    while any(place[0]):
        before = came[place]
        choices.append(next(i for i, taken in enumerate(place[0]) if taken != before[0][i]))
        place = before
    return tuple(reversed(choices))
