"""Stories that show the usual faults, without luck: one after the other, or one befallen.

Two clients take turns, so that what a limiter keeps in its process is seen as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial

from limitproof.check.tales.retry_after import told_of
from limitproof.history.outcome import Outcome
from limitproof.stories import Ask, Drop, Finish, Go, Kill, Lose, Operation, Wait
from limitproof.verify.player import Player

MILLISECOND = 1_000  # µs
SECOND = 1_000_000  # µs
HOUR, DAY = 3_600 * SECOND, 86_400 * SECOND
FAR = 400 * DAY  # who is told to wait longer than that is asked again then
MANY = 12_000  # a limit for costs in the thousands
HAMMERED = 100  # refusals, after which a client is not to be shut out for longer than it was
VICTIM = 2  # a client that asks only when it is befallen
Direct = Callable[[Player], None]


def ask(player: Player, times: int = 1, *, cost: int | None = None) -> Operation:
    """So many requests one after the other, at one instant; the last of them."""
    for _ in range(times):
        one = player.acquire(len(player.events) % 4 // 2, cost=cost)
    return one


def wait(player: Player, microseconds: float) -> None:
    """The clock goes on, by whole milliseconds where it is more than one."""
    whole = round(microseconds)
    if whole > MILLISECOND:
        whole = round(whole / MILLISECOND) * MILLISECOND
    if whole > 0:
        player.do(Wait(whole))


def sequential(limit: int, window: int, *, takes_cost: bool) -> Iterator[Direct]:
    """The stories, the shortest first."""
    soon = MILLISECOND * 2
    yield lambda p: _many(p, [(limit + 2, 0)])
    for gap in (window + soon, window - soon):
        yield lambda p, gap=gap: _many(p, [(limit + 1, gap), (limit + 1, 0)])  # type: ignore[misc]
    half = window // 2
    yield lambda p: _many(p, [(limit, half), (1, half + soon), (limit + 1, 0)])
    yield lambda p: _many(p, [(limit, half), (limit + 1, half + soon), (limit + 1, 0)])
    yield lambda p: _many(p, [(1, half), (limit, half + soon), (limit + 1, 0)])
    yield lambda p: _many(p, [(1, half // 2)] * (6 * min(limit, 3)))
    yield lambda p: _many(p, [(1, half)] * (2 * limit + 4))
    yield lambda p: _many(p, [(1, half + window // 10)] * (2 * limit + 2))
    yield lambda p: _many(p, [(1, 100)] * (limit + 2))
    # windows that begin at round instants: a full one just before the next, and before its end
    late = window - window // 100
    yield lambda p: _many(p, [(0, late), (limit, window // 50), (limit, 0)])
    yield lambda p: _many(p, [(0, late), (limit, late - soon), (limit, 0)])
    yield lambda p: _many(p, [(1, math.ceil(window / (limit + 1)))] * (3 * limit + 3))
    for first in {limit - 1, 1, 0}:
        for after in (False, True):
            yield lambda p, first=first, late=after: _told(p, limit, window, first, late=late)  # type: ignore[misc]
    yield lambda p: _told(p, limit, window, limit, late=False, again=1)
    for pause in (0, window // 4):
        for after in (False, True):
            yield lambda p, pause=pause, late=after: _spread(p, limit, pause, late=late)  # type: ignore[misc]
    if takes_cost:
        yield from _costs(limit, window)
    yield lambda p: _many(p, [(limit + HAMMERED, window + soon), (1, 0)])
    for turn in (HOUR, DAY):
        yield partial(_across, limit, window, turn)


def troubled(limit: int, steps: int) -> Iterator[Direct]:
    """A client dies, or a command of it or a reply is lost, after each of its steps."""
    for trouble in (Lose, Drop, Kill):
        for step in range(steps):
            for filled in dict.fromkeys((0, limit - 1)):
                yield partial(_befallen, limit, filled, step, trouble)


def _befallen(
    limit: int, filled: int, step: int, trouble: type[Lose | Drop | Kill], player: Player
) -> None:
    """Others ask before it and after it: how many of these pass tells what was debited."""
    if filled:
        ask(player, filled)
    player.do(Ask(VICTIM))
    for _ in range(step):
        player.do(Go(VICTIM))
    player.do(trouble(VICTIM))
    if player.busy(VICTIM):
        player.do(Finish(VICTIM))
    ask(player, limit + 1)


def _many(player: Player, parts: list[tuple[int, float]]) -> None:
    for times, pause in parts:
        if times:
            ask(player, times)
        wait(player, pause)


def _across(limit: int, window: int, turn: int, player: Player) -> None:
    """Fill up just before the next full hour, or midnight (UTC), and ask for more just after it.

    Who forgets all when the hour turns, admits twice as many then.
    """
    before = window // 4 - window // 4 % MILLISECOND
    rest = turn - player.instant % turn - before
    player.do(Wait(rest if rest > 0 else rest + turn))
    _many(player, [(limit, 2 * before), (limit + 1, window), (limit + 1, 0)])


def _told(
    player: Player, limit: int, window: int, first: int, *, late: bool, again: int = 0
) -> None:
    """Fill up in two parts, be refused, and come back too early or too late by a tolerance."""
    if first:
        ask(player, first)
        wait(player, window // 4)
    if limit - first:
        ask(player, limit - first)
        wait(player, 0 if again else window // 4)
    _come_back(player, ask(player, 1 + again), late=late)


def _spread(player: Player, limit: int, pause: int, *, late: bool) -> None:
    """Fill up a millisecond apart; be refused in the last one's, or later; come back."""
    for number in range(limit):
        wait(player, MILLISECOND if number else 0)
        ask(player)
    wait(player, pause)
    _come_back(player, ask(player), late=late)


def _costly_wait(player: Player, limit: int, window: int, *, late: bool) -> None:
    """Fill up in two parts; a cost of two needs the first of the second part to leave as well."""
    ask(player)
    wait(player, window // 2)
    ask(player, limit - 1)
    _come_back(player, ask(player, cost=2), late=late)


def _come_back(player: Player, last: Operation, *, late: bool) -> None:
    """Ask again a tolerance before, or after, what the last request was told to wait."""
    told = told_of(last)
    if last.outcome is not Outcome.REJECTED or told is None or not math.isfinite(told):
        return
    slack = SECOND if told == math.floor(told) else MILLISECOND
    pause = min(told * SECOND, FAR) + (MILLISECOND if late else -slack)
    if pause > 0:
        player.do(Wait(math.ceil(pause) if late else math.floor(pause)))
    ask(player)


def _costs(limit: int, window: int) -> Iterator[Direct]:
    yield lambda p: _paid(p, [limit], limit, 0)
    yield lambda p: _paid(p, [limit + 1], limit, 0)
    yield lambda p: _paid(p, [1, limit + 1], limit, 0)
    yield lambda p: _paid(p, [limit, 1], limit, window // 2)
    yield lambda p: _paid(p, [1, limit], limit, 0)
    yield lambda p: _paid(p, [1, 2], limit, window // 3)
    if limit > 1:
        for after in (False, True):
            yield lambda p, after=after: _costly_wait(p, limit, window, late=after)  # type: ignore[misc]
    yield lambda p: _paid(p, [2, limit, limit + 3], limit, window + 2 * MILLISECOND)


def large_costs(player: Player) -> None:
    """For a limit of `MANY`: costs whose entries do not fit into one command of a script.

    Lua's stack holds some 8,000 values, so they are added in parts, of a thousand mostly. A part
    that is empty is an error, and one that is a little too short loses a request.
    """
    for cost in (999, 1_000, 1_001, 5_000):
        ask(player, cost=cost)
    ask(player, cost=MANY - 8_000 + 1)
    ask(player, cost=MANY - 8_000)
    ask(player)


def _paid(player: Player, costs: list[int], limit: int, pause: int) -> None:
    """Costs, and then single requests: how many of these pass tells what was debited."""
    for cost in costs:
        ask(player, cost=cost)
        wait(player, pause)
    ask(player, limit + 1)
    wait(player, pause)
    ask(player, 2)
