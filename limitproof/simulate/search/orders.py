"""The ends of all orders of the requests, one after the other: found by running them.

For searches that keep no states. Ends are compared as they are; where one is none of the orders',
the limiter may have drawn other names (a nonce a try): the same choices are run once more with
other random numbers, and what is then another word is a name, and stands for any.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from math import factorial
from time import perf_counter

from limitproof.servers.virtual import START
from limitproof.simulate.search.ends import End, Told, end_of
from limitproof.simulate.search.names import SHORTEST, Names
from limitproof.simulate.snapshot import Snapshot
from limitproof.simulate.trace import Choose, Trace, follow
from limitproof.simulate.world import World

MOST_ORDERS = 1_000
SLEPT = "a request that sleeps moves the clock, so that the same requests end at other times"
Raw = tuple[tuple[tuple[Told, ...], ...], Snapshot]


class Orders:
    """What the requests end in, one after the other, at one instant.

    alike: clients that have not begun are one; until: when there is no more time, by
    perf_counter(). `why` says why ends are not compared, "" where they are.
    """

    def __init__(self, world: World, *, alike: bool, until: float = math.inf) -> None:
        self._world = world
        self.names = Names()
        self.why = ""
        self._raw: list[Raw] = []
        self._known: dict[Raw, bool] = {}
        if how_many(world.cast.clients, world.cast.requests, alike=alike) > MOST_ORDERS:
            self.why = f"there are more than {MOST_ORDERS:,} orders of the requests"
            return
        for trace in _every_order(world, alike=alike):
            raw = trace.told, world.snapshot()
            if world.instant != START:
                self.why = SLEPT
            elif perf_counter() > until:
                self.why = "there was no time for all orders of the requests"
            if self.why:
                return
            self._raw.append(raw)
            if world.draws:
                self._learn(trace, raw)

    @property
    def ends(self) -> frozenset[End]:
        """Empty where they are not compared."""
        return frozenset() if self.why else frozenset(end_of(*raw, self.names) for raw in self._raw)

    def hold(self, trace: Trace) -> bool:
        """Whether the run that has just ended, at one instant, ends as some order does."""
        raw = trace.told, self._world.snapshot()
        if raw not in self._known:
            self._known[raw] = self._hold(trace, raw)
        return bool(self.why) or self._known[raw]

    def _hold(self, trace: Trace, raw: Raw) -> bool:
        if end_of(*raw, self.names) in self.ends:
            return True
        if not self._world.draws:
            return False
        self._learn(trace, raw)
        return bool(self.why) or end_of(*raw, self.names) in self.ends

    def _learn(self, trace: Trace, raw: Raw) -> None:
        """Find the names in an end, by what else it is with other random numbers."""
        told, keys = raw
        self._world.life += 1
        try:
            again = self._world.trace(follow(trace.choices))
            other = self._world.snapshot()
        finally:
            self._world.life -= 1
        same = [entry.name for entry in keys.entries] == [entry.name for entry in other.entries]
        if not same or (again.choices, again.told) != (trace.choices, told):
            self.why = "with other random numbers the same requests end otherwise"
            return
        drawn = [
            word
            for mine, theirs in zip(keys.entries, other.entries, strict=True)
            for word in set(mine.content) - set(theirs.content)
        ]
        if any(len(word) < SHORTEST for word in drawn):
            self.why = "it keeps random words that are too short for names"
            return
        self.names.draw(drawn)


def how_many(clients: int, requests: int, *, alike: bool) -> int:
    """Orders of so many requests of each client; alike: who has not begun is anybody."""
    orders: int = factorial(clients * requests) // factorial(requests) ** clients
    return orders // factorial(clients) if alike else orders


def _every_order(world: World, *, alike: bool) -> Iterator[Trace]:
    """A run for each order of whole requests. Of clients that have not begun, one may be first."""
    prefix: list[int] = []
    while True:
        offered: list[list[int]] = []
        taken: list[int] = []
        yield world.trace(_one_by_one(world, prefix, offered, taken, alike=alike))
        place = len(offered) - 1
        while place >= 0 and taken[place] == offered[place][-1]:
            place -= 1
        if place < 0:
            return
        here = offered[place]
        prefix = [*taken[:place], here[here.index(taken[place]) + 1]]


def _one_by_one(
    world: World, prefix: Sequence[int], offered: list[list[int]], taken: list[int], *, alike: bool
) -> Choose:
    """Whose request is next, by the prefix, then the first client; each to its end."""

    def choose(enabled: Sequence[int]) -> int:
        if taken and taken[-1] in enabled and not world.seats[taken[-1]].idle:
            return taken[-1]
        begun = [client for client in enabled if client in taken]
        fresh = [client for client in enabled if client not in taken]
        place = len(offered)
        offered.append(sorted(begun + (fresh[:1] if alike else fresh)))
        taken.append(prefix[place] if place < len(prefix) else offered[place][0])
        return taken[-1]

    return choose
