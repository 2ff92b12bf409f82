"""Small models of limiters, right ones and wrong ones.

A model is a generator: what it does between two `yield`s happens at once, and each `yield` is a
round trip during which others may come between.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace

Answer = tuple[bool, float | None, float | None]
Steps = Generator[None, None, Answer]


@dataclass
class Store:
    """What a key holds: `log` of instants in ms, `count` and `expires` of a counter."""

    log: list[int] = field(default_factory=list)
    count: int = 0
    expires: int = 0
    tokens: float | None = None
    filled: int = 0

    def prune(self, now: int, window: int) -> None:
        self.log = [at for at in self.log if at > now - window]


@dataclass
class Turn:
    """One operation as a model sees it; `now` is the clock in ms at the current step."""

    store: Store
    limit: int
    window: int  # ms
    cost: int = 1
    now: int = 0


Model = Callable[[Turn], Steps]


def atomic(decide: Callable[[Turn], Answer]) -> Model:
    """A model that does all in one step, as a script does."""

    def steps(turn: Turn) -> Steps:
        yield from ()
        return decide(turn)

    return steps


def sliding_log(turn: Turn) -> Answer:
    """Prune, count and add in one step; tells the right figures."""
    turn.store.prune(turn.now, turn.window)
    log = turn.store.log
    if len(log) + turn.cost <= turn.limit:
        log += [turn.now] * turn.cost
        return True, turn.limit - len(log), None
    full = len(log) >= turn.limit
    return False, 0, (log[-turn.limit] + turn.window - turn.now) / 1000 if full else None


ideal = atomic(sliding_log)


@atomic
def off_by_one(turn: Turn) -> Answer:
    return sliding_log(replace(turn, limit=turn.limit - 1))


def get_set(turn: Turn) -> Steps:
    """Read, then write what was read with one more: writers overwrite each other."""
    turn.store.prune(turn.now, turn.window)
    seen = list(turn.store.log)
    yield
    if len(seen) >= turn.limit:
        return False, None, None
    turn.store.log = [*seen, turn.now]
    return True, None, None


@atomic
def stores_refused(turn: Turn) -> Answer:
    """Adds first, in one step, and counts itself: refused requests stay."""
    turn.store.prune(turn.now, turn.window)
    turn.store.log.append(turn.now)
    return len(turn.store.log) <= turn.limit, None, None


def cleans_up(turn: Turn) -> Steps:
    """Adds first and takes it away again in a second step when it is refused."""
    turn.store.prune(turn.now, turn.window)
    turn.store.log.append(turn.now)
    mine, held = turn.now, len(turn.store.log)
    if held <= turn.limit:
        return True, None, None
    yield
    turn.store.log.remove(mine)
    return False, None, None


def add_then_count(turn: Turn) -> Steps:
    """Prune, add and count in three round trips: two clients refuse each other the last place."""
    turn.store.prune(turn.now, turn.window)
    yield
    turn.store.log.append(turn.now)
    yield
    return len(turn.store.log) <= turn.limit, None, None


@atomic
def same_millisecond(turn: Turn) -> Answer:
    """Members are the clock's reading, so that equal milliseconds are one member."""
    turn.store.prune(turn.now, turn.window)
    if len(turn.store.log) >= turn.limit:
        return False, None, None
    if turn.now not in turn.store.log:
        turn.store.log.append(turn.now)
    return True, None, None


@atomic
def unlimited(_turn: Turn) -> Answer:
    return True, None, None


@atomic
def fixed(turn: Turn) -> Answer:
    """A counter that opens with the first request and lives for a window."""
    if turn.now >= turn.store.expires:
        turn.store.count, turn.store.expires = 0, turn.now + turn.window
    left = (turn.store.expires - turn.now) / 1000
    if turn.store.count + turn.cost > turn.limit:
        return False, 0, left
    turn.store.count += turn.cost
    return True, turn.limit - turn.store.count, None


@atomic
def aligned(turn: Turn) -> Answer:
    """Windows on the wall clock's edges; refused requests are counted as well."""
    edge = turn.now // turn.window
    if edge != turn.store.expires:
        turn.store.count, turn.store.expires = 0, edge
    left = ((edge + 1) * turn.window - turn.now) / 1000
    if turn.store.count + turn.cost > turn.limit:
        return False, 0, left
    turn.store.count += turn.cost
    return True, turn.limit - turn.store.count, None


@atomic
def refreshed(turn: Turn) -> Answer:
    """Every request, a refused one too, makes the window last longer."""
    if turn.now >= turn.store.expires:
        turn.store.count = 0
    turn.store.count += 1
    turn.store.expires = turn.now + turn.window
    return turn.store.count <= turn.limit, None, None


@atomic
def bucket(turn: Turn) -> Answer:
    """A token bucket that holds `limit` and fills in a window."""
    store, full = turn.store, float(turn.limit)
    held = full if store.tokens is None else store.tokens
    held = min(full, held + (turn.now - store.filled) * full / turn.window)
    store.filled = turn.now
    if held >= turn.cost:
        store.tokens = held - turn.cost
        return True, float(int(store.tokens)), None
    store.tokens = held
    return False, 0, (turn.cost - held) * turn.window / full / 1000
