"""The graph of all states that any interleaving can reach; a schedule is a path through it.

A state is the instant, the keys of the server with their expiry and, for each client, the replies
it has had and when it went on. Equal states have equal futures. Clients are alike, so states that
differ only in who is who are one: they are kept in one canonical order (symmetry).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from limitproof.check.instants import Asked
from limitproof.check.yardstick import Yardstick
from limitproof.schedules import Answers
from limitproof.servers.errors import ServerError
from limitproof.simulate.refusal import NotAlikeError
from limitproof.simulate.search.ends import End, by_score, end_of
from limitproof.simulate.search.moments import MILLISECOND, moments
from limitproof.simulate.search.program import Due, Node, Programs
from limitproof.simulate.snapshot import ASK, EMPTY, Snapshot
from limitproof.simulate.wire import exchange
from limitproof.simulate.world import World

Order = tuple[int, ...]
Place = tuple[int, Snapshot, tuple[Node, ...]]
"""The instant, the keys, and where each client stands."""
DOUBTED = 64  # steps of clients with names, of which it is tried whether another may take them


@dataclass(frozen=True, slots=True)
class Edge:
    """One step: the state it leads to, and which client of this state each one there is."""

    target: int
    roles: Order


@dataclass(slots=True)
class State:
    """One state; `order` lists its clients canonically; `groups` those that go on, alike together.

    edges: by choice, a client that goes on, or −d for a clock that moves on by d microseconds.
    """

    instant: int
    keys: Snapshot
    nodes: tuple[Node, ...]
    order: Order
    groups: tuple[tuple[int, ...], ...]
    edges: dict[int, Edge]
    moves: tuple[int, ...] | None = None

    @property
    def answers(self) -> Answers:
        return tuple(node.answers for node in self.nodes)

    @property
    def asked(self) -> list[Asked]:
        """All requests that are over."""
        return [one for node in self.nodes for one in node.asked]

    @property
    def quiet(self) -> bool:
        """No request is under way."""
        return not any(node.busy for node in self.nodes)

    @property
    def over(self) -> bool:
        """Nobody has anything left to do."""
        return all(node.done for node in self.nodes)


class Graph:
    """States and steps, found as they are asked for. `steps` counts those taken on the server."""

    def __init__(self, world: World, programs: Programs, yardstick: Yardstick) -> None:
        self._world, self._programs, self._yardstick = world, programs, yardstick
        self._apart = world.cast.apart
        self._numbers: dict[Any, int] = {}
        self.states: list[State] = []
        self.steps = self._doubted = 0
        self.start = self._number(world.instant, EMPTY, programs.roots).target

    def step(self, state: int, choice: int) -> Edge:
        """What becomes of a state when a client goes on, or the clock; on the real server."""
        here = self.states[state]
        edge = here.edges.get(choice)
        if edge is None:
            now = here.instant, here.keys, here.nodes
            after = self._go_on(*now, choice) if choice >= 0 else self._move(here, -choice)
            edge = here.edges[choice] = self._number(*after)
            if choice >= 0 and self._programs.names and self._doubted < DOUBTED:
                self._doubt(here, choice, edge.target)
        return edge

    def moves(self, state: int) -> tuple[int, ...]:
        """The choices that move the clock on to what is of interest in a state."""
        here = self.states[state]
        if here.moves is None:
            nodes = here.nodes
            began = {node.began for node in nodes if node.began is not None}
            begun = began | {one.begun for one in here.asked}
            wakes = [n.due.asleep for n in nodes if n.due and n.due.asleep is not None]
            far = moments(
                here.instant,
                self._yardstick,
                ends=(end for entry in here.keys.entries for end in entry.every_end),
                seen=begun | {one.ended for one in here.asked},
                wakes=[*wakes, *(at + self._apart for at in begun)],
                offsets=self._world.cast.offsets,
            )
            here.moves = tuple(-one for one in far)
        return here.moves

    def end(self, state: int) -> End:
        """A state in which nobody has anything left to do, up to names."""
        here = self.states[state]
        told = tuple(node.told for node in here.nodes)
        return end_of(told, here.keys, self._programs.names)

    def _doubt(self, here: State, choice: int, target: int) -> None:
        """Look whether who is alike may take the place of a client, for this step and the next.

        Let A and B send ZADD k 0 NAME and ZRANK k NAME in one MULTI: the second is told 0 or 1 by
        whose name is the smaller, and it matters who of the two is the first.
        Raises NotAlikeError when it makes a difference.
        """
        group = next((one for one in here.groups if choice in one), (choice,))
        other = group[-1] if group[-1] != choice else group[0]
        if other == choice:
            return
        self._doubted += 1
        twin = self._go_on(here.instant, here.keys, here.nodes, other)
        same = self._number(*twin)
        if same.target != target:
            raise NotAlikeError
        there = self.states[target]
        for client in (one[0] for one in there.groups):
            mine = self._number(*self._go_on(there.instant, there.keys, there.nodes, client))
            if self._number(*self._go_on(*twin, same.roles[client])).target != mine.target:
                raise NotAlikeError

    def _go_on(self, now: int, keys: Snapshot, nodes: tuple[Node, ...], client: int) -> Place:
        node = nodes[client]
        due = self._programs.due(node, now)
        instant, reply = now, b""
        if due.asleep is not None and due.asleep > instant:
            instant = due.asleep
            keys = self._look(keys, instant)
        elif due.packet:
            reply, keys = self._execute(keys, due, instant)
        after = self._programs.next(node, (now, reply))
        return instant, keys, (*nodes[:client], after, *nodes[client + 1 :])

    def _move(self, here: State, far: int) -> Place:
        instant = here.instant + far
        return instant, self._look(here.keys, instant), here.nodes

    def _look(self, keys: Snapshot, instant: int) -> Snapshot:
        """What is left of these keys at a later instant."""
        if not keys.entries:
            return keys
        return self._execute(keys, Due(), instant)[1]

    def _execute(self, keys: Snapshot, due: Due, instant: int) -> tuple[bytes, Snapshot]:
        """Put the keys back, send the packet, read the keys: one round trip."""
        self.steps += 1
        before, restore = 1 + len(keys.entries), keys.restore
        if any(instant // MILLISECOND in entry.every_end for entry in keys.entries):
            # In its last millisecond a key lives, but RESTORE takes it for dead.
            self._at(instant - MILLISECOND)
            if exchange(self._world.wire, restore, before)[0] != keys.restored:
                raise ServerError("keys cannot be put back", "try another server")
            before, restore = 0, b""
        self._at(instant)
        packet = restore + due.packet + ASK
        received, ends = exchange(self._world.wire, packet, before + due.size + 1)
        first = ends[before - 1] if before else 0
        if before and received[:first] != keys.restored:
            raise ServerError(f"keys cannot be put back: {received[:80]!r}", "try another server")
        last = ends[-2] if len(ends) > 1 else 0
        return received[first:last], Snapshot(received[last : ends[-1]])

    def _at(self, instant: int) -> None:
        if self._world.instant != instant:
            self._world.move(instant)

    def _number(self, instant: int, keys: Snapshot, nodes: tuple[Node, ...]) -> Edge:
        order = self._order(keys, nodes)
        key = self._key(instant, keys, nodes, order)
        number = self._numbers.setdefault(key, len(self.states))
        if number == len(self.states):
            groups = self._groups(keys, nodes, order, key)
            self.states.append(State(instant, keys, nodes, order, groups, {}))
        there = self.states[number].order
        roles = [0] * len(order)
        for theirs, ours in zip(there, order, strict=True):
            roles[theirs] = ours
        return Edge(number, tuple(roles))

    def _order(self, keys: Snapshot, nodes: tuple[Node, ...]) -> Order:
        """By what they have been through; among equals, whose name comes first in the keys."""
        seen: dict[int, int] = {}
        if self._programs.names:
            for entry in keys.entries:
                for element in entry.content:
                    for owner in self._programs.names.owners_in(element):
                        seen.setdefault(owner, len(seen))
        return tuple(sorted(range(len(nodes)), key=lambda c: (nodes[c].shape, seen.get(c, 99), c)))

    def _key(self, instant: int, keys: Snapshot, nodes: tuple[Node, ...], order: Order) -> Any:
        shapes = tuple(nodes[client].shape for client in order)
        names = self._programs.names
        if not names:
            return instant, keys.raw, shapes
        role = {client: b"%d" % place for place, client in enumerate(order)}

        def plain(text: bytes) -> bytes:
            return names.relabel(text, role.__getitem__)

        content = tuple(
            (
                entry.name,
                entry.kind,
                entry.ends,
                by_score(entry.kind, tuple(map(plain, entry.content))),
                tuple((plain(field), end) for field, end in entry.fields),
            )
            for entry in keys.entries
        )
        seen = tuple(
            tuple(plain(reply) for _, reply in nodes[client].history)
            if nodes[client].foreign
            else ()
            for client in order
        )
        return instant, content, shapes, seen

    def _groups(
        self, keys: Snapshot, nodes: tuple[Node, ...], order: Order, key: Any
    ) -> tuple[tuple[int, ...], ...]:
        """Clients that can change places without any difference; only those that can go on."""
        groups: list[list[int]] = []
        instant = key[0]
        early = self._apart and any(
            at is not None and at > instant - self._apart
            for node in nodes
            for at in (node.began, *(one.begun for one in node.asked))
        )
        for place, client in enumerate(order):
            if nodes[client].done or (early and nodes[client].idle):
                continue
            before = order[place - 1] if place else None
            if before is not None and nodes[before].shape == nodes[client].shape:
                swapped = (*order[: place - 1], client, before, *order[place + 1 :])
                if not self._programs.names or self._key(instant, keys, nodes, swapped) == key:
                    groups[-1].append(client)
                    continue
            groups.append([client])
        return tuple(map(tuple, groups))
