"""A world that runs models of limiters at hidden instants, and requests to send there.

The world knows the instants of all steps; a history only says when each operation was invoked and
answered.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np

from limitproof.history.columns import History, Key, Operations, StateSeries
from limitproof.history.meta import Meta
from limitproof.history.outcome import Outcome
from tests.check.models import Answer, Model, Steps, Store, Turn

SECOND = 1_000_000_000
MS = 1_000_000
EPOCH = 1_700_000_000 * SECOND


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
