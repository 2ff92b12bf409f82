"""How a limiter goes about a request: seen by letting it decide a few."""

from __future__ import annotations

from dataclasses import dataclass

from limitproof.stories import Ask, Go
from limitproof.verify.searches.stage import Stage

MOST_STEPS = 12


@dataclass(frozen=True, slots=True)
class Habits:
    """steps: the most round trips of a request; splits: whether a packet holds several commands
    that others can come between (a pipeline without transaction); takes_cost: whether it takes one;
    costly: the most round trips of a request with a cost above 1, 0 where none is taken.
    """

    steps: int
    splits: bool
    takes_cost: bool
    costly: int = 0


def habits_of(stage: Stage) -> Habits:
    """Raises RefusedError when the limiter cannot be simulated."""
    player = stage.player()
    seat = stage.world.seats[0]
    most, dear, splits = 0, 0, False
    few = min(stage.limit, 5)
    for number in range(2 * few + 4):
        cost = None if number < few + 2 else 2
        if cost is not None and not seat.takes_cost:
            break
        if number == few + 2:
            player = stage.player()
        player.do(Ask(0, cost=cost))
        steps = 0
        while player.busy(0) and steps < MOST_STEPS:
            words = seat.commands[0] if seat.commands else []
            splits |= len(words) > 1 and words[0][0].upper() != b"MULTI"
            player.do(Go(0))
            steps += 1
        most, dear = (max(most, steps), dear) if cost is None else (most, max(dear, steps))
        if player.busy(0):
            break
    return Habits(most, splits, seat.takes_cost, dear)
