"""How a limiter goes about a request: seen by letting it decide a few."""

from __future__ import annotations

from dataclasses import dataclass

from limitproof.stories import Ask, Go
from limitproof.verify.searches.stage import Stage

MOST_STEPS = 12


@dataclass(frozen=True, slots=True)
class Habits:
    """steps: the most round trips of a request; splits: whether a packet holds several commands
    that others can come between (a pipeline without transaction); takes_cost: whether it takes one.
    """

    steps: int
    splits: bool
    takes_cost: bool


def habits_of(stage: Stage, cost: int | None = None) -> Habits:
    """cost: of each request, None for none. Raises RefusedError when it cannot be simulated."""
    player = stage.player()
    seat = stage.world.seats[0]
    most, splits = 0, False
    room = min(stage.limit, 5) if cost is None else stage.limit // cost
    for _ in range(room + 2):
        player.do(Ask(0, cost=cost))
        steps = 0
        while player.busy(0) and steps < MOST_STEPS:
            words = seat.commands[0] if seat.commands else []
            splits |= len(words) > 1 and words[0][0].upper() != b"MULTI"
            player.do(Go(0))
            steps += 1
        most = max(most, steps)
        if player.busy(0):
            break
    return Habits(most, splits, seat.takes_cost)
