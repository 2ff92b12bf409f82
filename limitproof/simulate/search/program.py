"""What each client does next, as a function of what it has lived through: learned once, kept.

A deterministic client's future is a function of the replies that it has had and of the instants
at which it went on. So a client that has been through the same before need not run again; and one
that has not is run alone, fed with the replies that are recorded, without any traffic.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from limitproof.check.instants import Asked
from limitproof.history.outcome import Outcome
from limitproof.simulate.refusal import (
    NotAlikeError,
    RefusedError,
    UncacheableError,
    UnknownScriptError,
    why_uncacheable,
)
from limitproof.simulate.resp import unpack
from limitproof.simulate.search.ends import Told
from limitproof.simulate.search.names import Names, differ_in_names
from limitproof.simulate.seat import Seat
from limitproof.simulate.world import World

Event = tuple[int, bytes]
"""When a client was chosen (µs since the epoch), and what it was answered."""


@dataclass(frozen=True, slots=True)
class Due:
    """What a client does when it is chosen: it sends `packet`, to which there are `size` replies.

    b"" and 0 where it sends nothing: its request is answered without Redis, or it wakes up at the
    instant `asleep` (µs).
    """

    packet: bytes = b""
    size: int = 0
    asleep: int | None = None


@dataclass(slots=True)
class Node:
    """A client at one place of its program.

    shape: a number, equal for clients that have been through the same, each with its own names;
    due: what it does next, None when it is done, or idle: then `begins` holds what it does when it
    begins its next request, by the instant; told: what its limiter has decided so far; asked: the
    same with when; began: when the request under way did (µs); foreign: it has seen a name of
    another client.
    """

    client: int
    history: tuple[Event, ...]
    shape: int
    due: Due | None
    idle: bool
    told: tuple[Told, ...]
    asked: tuple[Asked, ...]
    answers: tuple[Outcome, ...]
    began: int | None
    foreign: bool
    after: dict[Event, Node] = field(default_factory=dict)
    begins: dict[int, Due] = field(default_factory=dict)

    @property
    def done(self) -> bool:
        """It has nothing left to do."""
        return self.due is None and not self.idle

    @property
    def busy(self) -> bool:
        """Its request is under way."""
        return self.due is not None


class Programs:
    """The programs of all clients, as far as they have been seen.

    alike: take clients that were told the same for one but for their names; raises NotAlikeError,
    sooner or later, when they are not.
    """

    def __init__(self, world: World, *, alike: bool = True) -> None:
        self.world = world
        self.names = Names()
        self._shapes: dict[tuple[int, int, bytes], int] = {}
        self._first: dict[tuple[int, int], tuple[int, list[bytes]]] = {}
        self._start = world.instant
        cast = world.cast
        # Clients whose clocks differ are not alike.
        roots = [
            self._shape(-1 if alike else -1 - client, cast.offset(client), b"")
            for client in range(cast.clients)
        ]
        self.roots = tuple(
            self._learn(client, (), roots[client], False) for client in range(cast.clients)
        )

    def due(self, node: Node, instant: int) -> Due:
        """What a client that is not done does when it is chosen at this instant."""
        if node.due is not None:
            return node.due
        if instant not in node.begins:
            self._begin(node, instant)
            for other, _ in self._alike(node, b""):
                if instant not in other.begins:
                    self._begin(other, instant)
        return node.begins[instant]

    def next(self, node: Node, event: Event) -> Node:
        """Where a client stands once it was chosen, and has had its reply."""
        known = node.after.get(event)
        return known if known is not None else self._together(node, event)

    def _together(self, node: Node, event: Event) -> Node:
        """Learn the place for all clients at once, so that their names are known from the start."""
        found = self._extend(node, event)
        for other, reply in self._alike(node, event[1]):
            if (event[0], reply) not in other.after:
                self._extend(other, (event[0], reply))
        return found

    def _alike(self, node: Node, reply: bytes) -> Iterator[tuple[Node, bytes]]:
        """Where the other clients stand after what this one has been through, and their reply.

        Nobody, where a limiter draws no names: whoever comes there is learned then.
        """
        if not self.world.draws:
            return
        for client in range(self.world.cast.clients):
            if client == node.client or self.roots[client].shape != self.roots[node.client].shape:
                continue
            place: Node | None = self.roots[client]
            for instant, one in node.history:
                theirs = self.names.swap(one, node.client, client)
                place = (
                    None if place is None or theirs is None else place.after.get((instant, theirs))
                )
            last = self.names.swap(reply, node.client, client)
            if place is not None and last is not None:
                yield place, last

    def _extend(self, node: Node, event: Event) -> Node:
        instant, reply = event
        if reply.startswith(b"-NOSCRIPT"):
            raise UnknownScriptError("the server did not know a script yet")
        mine = node.client

        def who(owner: int) -> bytes:
            return b"own" if owner == mine else b"other"

        foreign = node.foreign or any(one != mine for one in self.names.owners_in(reply))
        shape = self._shape(node.shape, instant, self.names.relabel(reply, who))
        node.after[event] = self._learn(mine, (*node.history, event), shape, foreign)
        return node.after[event]

    def _shape(self, parent: int, instant: int, reply: bytes) -> int:
        return self._shapes.setdefault((parent, instant, reply), len(self._shapes))

    def _learn(self, client: int, history: tuple[Event, ...], shape: int, foreign: bool) -> Node:
        """Run one client alone, with what it was answered before."""
        seat = self.world.understudy(client)
        try:
            self._relive(seat, history)
            over = [call for call in seat.calls if call.ended is not None]
            node = Node(
                client, history, shape, None, seat.idle and len(over) < self.world.cast.requests,
                tuple(Told.of(call.outcome, call.decision) for call in over),
                tuple(Asked(call.outcome, call.begun, call.ended or 0) for call in over),
                tuple(call.outcome for call in over),
                None if seat.idle or not seat.calls else seat.calls[-1].begun, foreign,
            )  # fmt: skip
            instant = self.world.instant
            if not seat.idle:
                node.due = _due(seat)
            elif node.idle:  # it is at hand, and most begin where the request before has ended
                self.world.ask(seat)
                node.begins[instant] = _due(seat)
        finally:
            seat.leave()
        if (due := node.due or node.begins.get(instant)) is not None:
            self._compare(client, shape, instant if node.idle else 0, due.packet)
        return node

    def _begin(self, node: Node, instant: int) -> None:
        """Run an idle client to what it does first when it begins a request at this instant."""
        seat = self.world.understudy(node.client)
        try:
            self._relive(seat, node.history)
            self._at(instant)
            self.world.ask(seat)
            node.begins[instant] = _due(seat)
        finally:
            seat.leave()
        self._compare(node.client, node.shape, instant, node.begins[instant].packet)

    def _relive(self, seat: Seat, history: tuple[Event, ...]) -> None:
        self._at(self._start)
        self.world.begin(seat)
        for instant, reply in history:
            self._at(instant)
            if seat.idle:
                self.world.ask(seat)
            if seat.asleep is not None:
                self.world.step(seat)
            elif seat.packets:
                self.world.resume(seat, reply)
            elif reply:
                raise UncacheableError("run again with the same replies, it does less")

    def _at(self, instant: int) -> None:
        if self.world.instant != instant:
            self.world.move(instant)

    def _compare(self, client: int, shape: int, instant: int, packet: bytes) -> None:
        commands = unpack(packet)
        if commands is None:
            raise RefusedError("it sends half a command")
        if why := why_uncacheable(commands):
            raise UncacheableError(why)
        words = [word for command in commands for word in command]
        first = self._first.setdefault((shape, instant), (client, words))
        if first[0] != client:
            if not differ_in_names(words, first[1]):
                raise NotAlikeError
            self.names.compare(f"{shape}@{instant}", client, words, *first)


def _due(seat: Seat) -> Due:
    if seat.asleep is not None or not seat.packets:
        return Due(asleep=seat.asleep)
    return Due(seat.packets[0], len(seat.commands[0]))
