"""Stories in which clients come between each other, from the simplest schedule on.

A takes k steps, B takes j, A goes on to its end, and so does B: two switches are enough for what is
read before and written after another has written. The clock moves by a few milliseconds at most
while a request is under way: a client that is held up for longer is as good as one whose clock is
off, which is another check.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from limitproof.history.outcome import Outcome
from limitproof.stories import Ask, Go, Wait
from limitproof.verify.player import Player
from limitproof.verify.searches.directed import ask, wait

MILLISECOND = 1_000  # µs
MOST_STEPS = 7
MOST_TURNS = 60


@dataclass(frozen=True, slots=True)
class Pattern:
    """One schedule: A takes `first` steps, others come, A goes on.

    filled: requests before them; age: how old these are (µs); second: the steps of B before A goes
    on, None when B and a third ask all they like meanwhile; stall: after whose steps the clock
    moves, by `far` µs: 0 never, 1 after A's, 2 after B's, and then nobody asks until a window has
    gone; spaced: whether those before them came two milliseconds apart, so that two of them are
    old for certain when B comes, and the others are not; idle: whether all that was asked is old
    when somebody asks once more, so that a refusal then is of a key that never ends.
    """

    filled: int
    first: int
    second: int | None
    stall: int = 0
    age: int = 0
    far: int = MILLISECOND
    spaced: bool = False
    idle: bool = False


def patterns(limit: int, window: int, steps: int) -> Iterator[Pattern]:
    """All of them for requests of at most so many steps, those with the fewest steps first."""
    steps = min(steps, MOST_STEPS)
    fillings = tuple(dict.fromkeys((limit - 1, 0)))
    for first in range(steps):
        # old requests leave the window, and keys end, while A is under way
        late, far = window - MILLISECOND, 2 * MILLISECOND
        yield Pattern(limit, first, None, 1, late, far)
        yield Pattern(limit, first, None, 1, late, 2 * far, spaced=True)
        yield Pattern(limit, first, steps, 1, late, far)
        yield Pattern(limit, first, 0, 1, late, far, idle=True)  # and nobody makes them anew
        for filled in fillings:
            yield from (Pattern(filled, first, None, stall) for stall in (0, 1, 2))
    for both in range(1, 2 * steps):
        for first in range(max(both - steps, 0), min(both, steps)):
            for filled in fillings:
                yield from (Pattern(filled, first, both - first, stall) for stall in (0, 1, 2))
                yield Pattern(filled, first, both - first, 0, window // 2)


def race(
    pattern: Pattern, limit: int, window: int, cost: int | None = None
) -> Callable[[Player], None]:
    """The story of a pattern: what comes after it tells what is left in the keys.

    cost: of each request; limit: how many of them there is room for.
    """

    def direct(player: Player) -> None:
        apart = 2 * MILLISECOND if pattern.spaced else 0
        for _ in range(pattern.filled):
            ask(player, cost=cost)
            wait(player, apart)
        wait(player, pattern.age - apart * pattern.filled)
        begun = player.instant
        player.do(Ask(2, cost=cost))
        _steps(player, 2, pattern.first)
        if pattern.stall == 1:
            player.do(Wait(pattern.far))
        player.do(Ask(3, cost=cost))
        _steps(player, 3, MOST_TURNS // 2 if pattern.second is None else pattern.second)
        if pattern.second is None:
            _until_refused(player, limit, cost)
        if pattern.stall == 2:
            player.do(Wait(pattern.far))
        together(player, [2, 3, 4])
        if pattern.stall < 2:
            _until_refused(player, limit, cost)
        since = player.instant if pattern.idle else begun
        rest = since + window + MILLISECOND - player.instant
        if rest > 0:
            player.do(Wait(rest))
        _until_refused(player, limit, cost)

    return direct


def _until_refused(player: Player, limit: int, cost: int | None) -> None:
    """Client 4 asks alone; it is left where it is when it waits for another."""
    for _ in range(limit + 1):
        if player.busy(4):
            return
        player.do(Ask(4, cost=cost))
        _steps(player, 4, MOST_TURNS // 2)
        if player.last().outcome is Outcome.REJECTED:
            return


def together(player: Player, clients: list[int]) -> None:
    """To the end of all, the first one first; by turns where one waits for another."""
    for client in clients:
        _steps(player, client, MOST_TURNS // 4)
    turns = 0
    while any(map(player.busy, clients)) and turns < MOST_TURNS:
        for client in clients:
            _steps(player, client, 1)
        turns += 1


def _steps(player: Player, client: int, count: int) -> None:
    for _ in range(count):
        if not player.busy(client):
            return
        player.do(Go(client))
