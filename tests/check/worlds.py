"""Small models of limiters, and a world that runs them at hidden instants.

A model is a generator: what it does between two `yield`s happens at once, and each `yield` is a
round trip during which others may come between. The world knows the instants of all steps; a
history only says when each operation was invoked and answered.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import numpy as np

from limitproof.history.columns import History, Key, Meta, Operations, Outcome, StateSeries

SECOND = 1_000_000_000
MS = 1_000_000
EPOCH = 1_700_000_000 * SECOND

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


@dataclass(frozen=True)
class Request:
    """`start` and `end` in ns from the epoch of the world."""

    start: int
    end: int
    client: int = 0
    key: int = 0
    cost: int = 1


def run(
    model: Model,
    requests: Sequence[Request],
    *,
    limit: int = 3,
    window: float = 1.0,
    kind: str = "sliding",
    seed: int = 0,
    **meta: Any,
) -> History:
    """The history of these requests: each step at a random instant inside its operation."""
    random, stores = Random(seed), dict[int, Store]()
    answers: dict[int, Answer] = {}
    turns: dict[int, tuple[Turn, Steps]] = {}
    agenda = [(random.randint(r.start, r.end), i) for i, r in enumerate(requests)]
    heapq.heapify(agenda)
    while agenda:
        at, number = heapq.heappop(agenda)
        request = requests[number]
        if number not in turns:
            store = stores.setdefault(request.key, Store())
            turn = Turn(store, limit, round(window * 1000), request.cost)
            turns[number] = (turn, model(turn))
        turn, steps = turns[number]
        turn.now = (EPOCH + at) // MS
        try:
            next(steps)
            heapq.heappush(agenda, (random.randint(at, request.end), number))
        except StopIteration as stop:
            answers[number] = stop.value
    told = [answers[i] for i in range(len(requests))]
    return history(
        Operations.of(
            [EPOCH + r.start for r in requests],
            [EPOCH + r.end for r in requests],
            client=[r.client for r in requests],
            key=[r.key for r in requests],
            cost=[r.cost for r in requests],
            outcome=[Outcome.ADMITTED if a[0] else Outcome.REJECTED for a in told],
            remaining=[np.nan if a[1] is None else a[1] for a in told],
            retry_after=[np.nan if a[2] is None else a[2] for a in told],
        ),
        limit=limit,
        window=window,
        kind=kind,
        **meta,
    )


def history(
    operations: Operations,
    *,
    limit: int = 3,
    window: float = 1.0,
    kind: str = "sliding",
    keys: Sequence[Key] | None = None,
    state: StateSeries | None = None,
    errors: tuple[str, ...] = (),
    **meta: Any,
) -> History:
    """A history with what is not given at its simplest."""
    promise: Mapping[str, Any] = {"kind": kind, "limit": limit, "window": window}
    if kind == "token":
        promise = {"kind": kind, "rate": limit / window, "burst": limit}
    used = int(operations.key.max()) + 1 if len(operations) else 1
    return History(
        meta=Meta(
            limiter="model",
            target="tests",
            limit=limit,
            window=window,
            promise=promise,
            seed=0,
            engine="test",
            processes=1,
            clients=4,
            server={},
            **meta,
        ),
        operations=operations,
        keys=tuple(keys) if keys is not None else tuple(Key(f"user:{i}") for i in range(used)),
        state=state or StateSeries(),
        errors=errors,
    )


def one_after_the_other(
    count: int, every: float, *, start: float = 0.0, clients: int = 1, key: int = 0
) -> list[Request]:
    """`count` requests, one each `every` seconds, answered in a tenth of that."""
    gap = round(every * SECOND)
    return [
        Request(at, at + gap // 10, client=i % clients, key=key)
        for i in range(count)
        for at in [round(start * SECOND) + i * gap]
    ]


def at_once(
    count: int, *, start: float = 0.0, lasting: float = 0.01, key: int = 0
) -> list[Request]:
    """`count` clients whose requests all overlap."""
    begin = round(start * SECOND)
    return [
        Request(begin + i, begin + round(lasting * SECOND) + i, client=i, key=key)
        for i in range(count)
    ]
