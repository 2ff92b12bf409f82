"""What a run is but for the order of independent steps: who came before whom for a reason.

Source: Mazurkiewicz, "Trace theory" (1987); clocks after Mattern, "Virtual time and global states
of distributed systems" (1989).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from limitproof.simulate.search.dependency import (
    FRESH,
    NOBODY,
    UNKNOWN,
    Connection,
    Dependency,
    Effect,
    Lost,
    dependent,
)
from limitproof.simulate.search.reorder import Clock


@dataclass(frozen=True, slots=True)
class Event:
    """A step of a run.

    number: which of its client's steps it is, from 1; effect: a number for what it did; clock: how
    many steps of each client it comes after, itself counted; history: a number for all that its
    client has been told then; after: what the server remembers of the client's connection; lost:
    what it remembers of all watches.
    """

    client: int
    number: int
    effect: int
    clock: Clock
    history: int
    after: Connection
    lost: Lost

    def follows(self, other: Event) -> bool:
        """Whether it comes after an earlier event of its run for a reason (or is that event)."""
        return self.clock[other.client] >= other.number


class Causality:
    """Makes events of steps. Effects and histories are kept as numbers, equal where they are."""

    def __init__(self, dependency: Dependency, clients: int) -> None:
        self._dependency = dependency
        self._none: Clock = (0,) * clients
        self._effects: list[Effect] = []
        self._numbers: dict[Effect, int] = {}
        self._dependent: dict[tuple[int, int], bool] = {}
        self._histories: dict[tuple[int, int, bytes], int] = {}

    def event(
        self, before: Sequence[Event], client: int, packet: bytes, reply: bytes, at: int = 0
    ) -> tuple[Event, list[int]]:
        """The next event of a run, and with which earlier ones (by place) it is in a race.

        at: the instant at which it began. A packet of b"" is a step without Redis: it may have
        moved the clock, so its order matters to every other.

        In a race are two events that depend on each other when none between them makes the one
        come after the other anyway. Raises UnrepeatableError as `Dependency.step` does.
        """
        last = next((one for one in reversed(before) if one.client == client), None)
        had = FRESH if last is None else last.after
        clock = self._none if last is None else last.clock
        effect, after = self._dependency.step(had, packet, reply)
        effect, lost = (before[-1].lost if before else NOBODY).step(client, effect)
        number = self._number(effect)
        races = []
        for place in range(len(before) - 1, -1, -1):
            other = before[place]
            if other.client == client or clock[other.client] >= other.number:
                continue
            if self.dependent(other.effect, number):
                races.append(place)
                clock = tuple(map(max, clock, other.clock))
        mine = 1 if last is None else last.number + 1
        clock = (*clock[:client], mine, *clock[client + 1 :])
        history = self.told(-1 if last is None else last.history, at, reply)
        return Event(client, mine, number, clock, history, after, lost), races

    @property
    def moving(self) -> int:
        """The effect of a step that may have moved the clock."""
        return self._number(UNKNOWN)

    def told(self, history: int, at: int, reply: bytes) -> int:
        """The history with one more instant and reply; the first has -1 before it."""
        return self._histories.setdefault((history, at, reply), len(self._histories))

    def dependent(self, one: int, other: int) -> bool:
        """Whether the order of two steps with these effects can matter."""
        key = (one, other)
        known = self._dependent.get(key)
        if known is None:
            known = self._dependent[key] = dependent(self._effects[one], self._effects[other])
        return known

    def _number(self, effect: Effect) -> int:
        number = self._numbers.setdefault(effect, len(self._effects))
        if number == len(self._effects):
            self._effects.append(effect)
        return number


def form(
    events: Sequence[Event], packets: Sequence[bytes], names: Sequence[int] | None = None
) -> int:
    """A number for a run that is the same for every order of its independent steps.

    names: what each client is called, to compare runs in which others play the same parts.
    """
    count = len(events[0].clock) if events else 0
    called = range(count) if names is None else names
    parts: list[list[tuple[bytes, int, Clock]]] = [[] for _ in range(count)]
    for event, packet in zip(events, packets, strict=True):
        clock = [0] * count
        for client, steps in enumerate(event.clock):
            clock[called[client]] = steps
        parts[called[event.client]].append((packet, event.history, tuple(clock)))
    return hash(tuple(map(tuple, parts)))
