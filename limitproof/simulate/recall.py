"""Runs in which nobody does again what it has done before: the server takes every step of each.

A deterministic client's next packet is a function of the replies that it has had and of the
instants at which it had them. So each way in which a client can be answered is gone through once,
by redis-py and the limiter; the next run that takes it sends the same bytes to the server.
Connections are real, and so is what the server remembers of them (WATCH).
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass, field

from limitproof.history.outcome import Outcome
from limitproof.servers.virtual import START
from limitproof.simulate.search.ends import Told
from limitproof.simulate.seat import Seat
from limitproof.simulate.trace import Choose, Trace
from limitproof.simulate.world import World

Event = tuple[int, bytes | None]
"""When (µs since the epoch) a client went on, and with which reply; None: it began a request."""
MOST_PLACES = 200_000  # kept; then all are forgotten, so that memory is bounded


@dataclass(slots=True)
class _Place:
    """Where a client stands: what it sends next, which is nothing where `replies` is 0.

    line: which of its connections it sends on, in the order of their first use; marked: whether
    the server would not take one of them for a new one; over: outcome, begin and end of its
    requests that are over; told: their whole decisions.
    """

    history: tuple[Event, ...]
    packet: bytes
    replies: int
    line: int
    idle: bool
    marked: bool
    over: tuple[tuple[Outcome, int, int], ...]
    told: tuple[Told, ...]
    after: dict[Event, _Place] = field(default_factory=dict)


class _AsleepError(Exception):
    """A client sleeps."""


class Recall:
    """The runs of a world; use it in a `with`, which closes its connections.

    A limiter that sleeps, or an `async def` one, is run again in each run all the same.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._plain = world.cast.target.is_async
        self._seats: list[Seat] = []
        self._roots: list[_Place | None] = [None] * world.cast.clients
        self._stand: list[_Place | None] = [None] * world.cast.clients
        self._wires: list[list[object]] = [[] for _ in range(world.cast.clients)]
        self._lines: dict[tuple[int, int], socket.socket] = {}
        self._places = 0

    def __enter__(self) -> Recall:
        self._seats = [self._world.seat(number) for number in range(self._world.cast.clients)]
        return self

    def __exit__(self, *_: object) -> None:
        for seat in self._seats:
            seat.close()
        for line in self._lines.values():
            line.close()

    def trace(self, choose: Choose) -> Trace:
        """As `World.trace` does, and raising as it does; `choose` is asked the same."""
        if not self._plain:
            if self._places > MOST_PLACES:
                self._forget()
            offered: list[int | None] = []

            def noted(enabled: Sequence[int]) -> int | None:
                offered.append(choose(enabled))
                return offered[-1]

            try:
                return self._recalled(noted)
            except _AsleepError:
                self._plain = True
                return self._world.trace(_after(offered, choose))
        return self._world.trace(choose)

    def _recalled(self, choose: Choose) -> Trace:
        world, requests = self._world, self._world.cast.requests
        world.reset()
        places = [self._root(number) for number in range(world.cast.clients)]
        enabled = list(range(world.cast.clients))
        choices: list[int] = []
        packets: list[bytes] = []
        replies: list[bytes] = []
        while enabled and (chosen := choose(enabled)) is not None:
            choices.append(chosen)
            packet = reply = b""
            if chosen < 0:
                world.move(world.instant - chosen)
            else:
                place = places[chosen]
                if place.idle:
                    place = self._next(chosen, place, None)
                if place.replies:
                    packet = place.packet
                    reply = world.deliver(self._line(chosen, place.line), packet, place.replies)
                    place = self._next(chosen, place, reply)
                places[chosen] = place
                if place.idle and len(place.over) == requests:
                    enabled.remove(chosen)
            packets.append(packet)
            replies.append(reply)
        for number, place in enumerate(places):
            if place.marked or not place.idle:
                self._hang_up(number)
        return Trace(
            tuple(choices), tuple(packets), tuple(replies),
            tuple(tuple(outcome for outcome, _, _ in place.over) for place in places),
            tuple(tuple((begun, ended) for _, begun, ended in place.over) for place in places),
            tuple(place.told for place in places),
        )  # fmt: skip

    def _root(self, client: int) -> _Place:
        root = self._roots[client]
        if root is None:
            self._begin(client)
            root = self._roots[client] = self._seen(client, ())
        return root

    def _next(self, client: int, place: _Place, reply: bytes | None) -> _Place:
        event = (self._world.instant, reply)
        known = place.after.get(event)
        if known is None:
            if self._stand[client] is not place:
                self._relive(client, place.history)
            self._go_on(client, reply)
            known = place.after[event] = self._seen(client, (*place.history, event))
        return known

    def _begin(self, client: int) -> None:
        seat = self._seats[client]
        seat.leave()
        self._wires[client] = []
        self._world.begin(seat)

    def _relive(self, client: int, history: tuple[Event, ...]) -> None:
        """Let the limiter go through all that again, fed with the replies: no traffic."""
        world, now = self._world, self._world.instant
        self._at(START)
        self._begin(client)
        for instant, reply in history:
            self._note_wire(client)
            self._at(instant)
            self._go_on(client, reply)
        self._at(now)
        world.instant = now

    def _at(self, instant: int) -> None:
        if self._world.instant != instant:
            self._world.move(instant)

    def _go_on(self, client: int, reply: bytes | None) -> None:
        seat = self._seats[client]
        if reply is None:
            self._world.ask(seat)
        else:
            self._world.resume(seat, reply)

    def _seen(self, client: int, history: tuple[Event, ...]) -> _Place:
        seat = self._seats[client]
        if seat.asleep is not None:
            raise _AsleepError
        self._places += 1
        over = tuple(
            (call.outcome, call.begun, call.ended) for call in seat.calls if call.ended is not None
        )
        told = tuple(
            Told.of(call.outcome, call.decision) for call in seat.calls if call.ended is not None
        )
        place = _Place(
            history,
            seat.packets[0] if seat.packets else b"",
            len(seat.commands[0]) if seat.packets else 0,
            self._note_wire(client), seat.idle, bool(seat.marked), over, told,
        )  # fmt: skip
        self._stand[client] = place
        return place

    def _note_wire(self, client: int) -> int:
        """The number of the connection on which a client wants to send."""
        seat, wires = self._seats[client], self._wires[client]
        if not seat.packets:
            return 0
        if not any(seat.wire is one for one in wires):
            wires.append(seat.wire)
        return next(number for number, one in enumerate(wires) if one is seat.wire)

    def _line(self, client: int, number: int) -> socket.socket:
        if (client, number) not in self._lines:
            self._lines[client, number] = self._world.line()
        return self._lines[client, number]

    def _hang_up(self, client: int) -> None:
        """Its connections watch a key, or may do so: the run has ended before this client has."""
        for who in [who for who in self._lines if who[0] == client]:
            self._lines.pop(who).close()

    def _forget(self) -> None:
        self._places = 0
        self._roots = [None] * len(self._roots)
        self._stand = [None] * len(self._stand)


def _after(taken: Sequence[int | None], choose: Choose) -> Choose:
    """The choices that were made already, then those of `choose`."""
    left = list(taken)
    return lambda enabled: left.pop(0) if left else choose(enabled)
