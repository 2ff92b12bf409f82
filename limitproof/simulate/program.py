"""What each client does next, as a function of the replies it has had: learned once, kept.

A deterministic client's future is a function of its replies. So a client that has had these
replies before need not run again; and one that has not is run alone, fed with the replies that
are recorded, without any traffic.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from limitproof.history.columns import Outcome
from limitproof.simulate.names import Names
from limitproof.simulate.refusal import (
    RefusedError,
    UncacheableError,
    UnknownScriptError,
    why_uncacheable,
)
from limitproof.simulate.resp import unpack
from limitproof.simulate.world import World


@dataclass(slots=True)
class Node:
    """A client at one place of its program.

    shape: a number, equal for clients that have had the same replies, each with its own names;
    packet: what it sends next, None when it is done; size: replies to that; answers: what its
    limiter has decided so far; fresh: no step of the request has been taken; foreign: it has seen
    a name of another client.
    """

    client: int
    history: tuple[bytes, ...]
    shape: int
    packet: bytes | None
    size: int
    answers: tuple[Outcome, ...]
    fresh: bool
    foreign: bool
    after: dict[bytes, Node] = field(default_factory=dict)


class Programs:
    """The programs of all clients, as far as they have been seen."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.names = Names()
        self._shapes: dict[tuple[int, bytes], int] = {}
        self._first: dict[int, tuple[int, list[bytes]]] = {}
        count = world.cast.clients
        # Clients whose clocks differ are not alike.
        roots = [self._shape(-1, b"%d" % world.cast.offset(client)) for client in range(count)]
        self.roots = tuple(self._learn(client, (), roots[client], False) for client in range(count))

    def next(self, node: Node, reply: bytes) -> Node:
        """Where a client stands once it has had one more reply."""
        known = node.after.get(reply)
        return known if known is not None else self._together(node, reply)

    def _together(self, node: Node, reply: bytes) -> Node:
        """Learn the place for all clients at once, so that their names are known from the start."""
        found = self._extend(node, reply)
        history = (*node.history, reply)
        for other in range(self.world.cast.clients):
            if other == node.client or self.roots[other].shape != self.roots[node.client].shape:
                continue
            theirs = [self.names.swap(one, node.client, other) for one in history]
            place: Node | None = self.roots[other]
            for one in theirs[:-1]:
                place = None if place is None or one is None else place.after.get(one)
            last = theirs[-1]
            if place is not None and last is not None and last not in place.after:
                self._extend(place, last)
        return found

    def _extend(self, node: Node, reply: bytes) -> Node:
        if reply.startswith(b"-NOSCRIPT"):
            raise UnknownScriptError("the server did not know a script yet")
        mine = node.client

        def who(owner: int) -> bytes:
            return b"own" if owner == mine else b"other"

        foreign = node.foreign or any(one != mine for one in self.names.owners_in(reply))
        shape = self._shape(node.shape, self.names.relabel(reply, who))
        node.after[reply] = self._learn(mine, (*node.history, reply), shape, foreign)
        return node.after[reply]

    def _shape(self, parent: int, reply: bytes) -> int:
        return self._shapes.setdefault((parent, reply), len(self._shapes))

    def _learn(self, client: int, history: tuple[bytes, ...], shape: int, foreign: bool) -> Node:
        """Run one client alone, with what it was answered before."""
        seat = self.world.seat(client)
        try:
            requests = self.world.cast.requests
            self.world.begin(seat)
            for reply in history:
                if seat.idle:
                    self.world.ask(seat)
                if seat.packets:
                    self.world.resume(seat, reply)
                elif reply:
                    raise UncacheableError("run again with the same replies, it does less")
            answers, fresh = tuple(seat.answers), seat.fresh
            packet, size = None, 0
            if not seat.idle or len(seat.calls) < requests:
                if seat.idle:
                    self.world.ask(seat)
                # A request that is answered without Redis is a step that sends nothing.
                packet, size = (
                    (seat.packets[0], len(seat.commands[0])) if seat.packets else (b"", 0)
                )
        finally:
            seat.close()
        if packet is not None:
            self._compare(client, shape, packet)
        return Node(client, history, shape, packet, size, answers, fresh, foreign)

    def _compare(self, client: int, shape: int, packet: bytes) -> None:
        commands = unpack(packet)
        if commands is None:
            raise RefusedError("it sends half a command")
        if why := why_uncacheable(commands):
            raise UncacheableError(why)
        words = [word for command in commands for word in command]
        first = self._first.setdefault(shape, (client, words))
        if first[0] != client:
            self.names.compare(str(shape), client, words, *first)
