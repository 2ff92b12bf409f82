"""The graph of all states that any interleaving can reach; a schedule is a path through it.

A state is the keys of the server with their expiry and, for each client, the replies it has had.
Equal states have equal futures. Clients are alike, so states that differ only in who is who are
one: they are kept in one canonical order (symmetry).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from limitproof.schedules import Answers
from limitproof.servers.errors import ServerError
from limitproof.simulate.program import Node, Programs
from limitproof.simulate.snapshot import ASK, EMPTY, Snapshot
from limitproof.simulate.wire import exchange
from limitproof.simulate.world import World

Order = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Edge:
    """One step: the state it leads to, and which client of this state each one there is."""

    target: int
    roles: Order


@dataclass(slots=True)
class State:
    """One state; `order` lists its clients canonically; `groups` those that are alike."""

    keys: Snapshot
    nodes: tuple[Node, ...]
    order: Order
    groups: tuple[tuple[int, ...], ...]
    edges: dict[int, Edge]

    @property
    def answers(self) -> Answers:
        return tuple(node.answers for node in self.nodes)

    @property
    def enabled(self) -> list[int]:
        return [client for client, node in enumerate(self.nodes) if node.packet is not None]


class Graph:
    """States and steps, found as they are asked for. `steps` counts those taken on the server."""

    def __init__(self, world: World, programs: Programs) -> None:
        self._world, self._programs = world, programs
        self._numbers: dict[Any, int] = {}
        self.states: list[State] = []
        self.steps = 0
        self.start = self._number(EMPTY, programs.roots).target

    def step(self, state: int, client: int) -> Edge:
        """What becomes of a state when a client takes its next step; done on the real server."""
        here = self.states[state]
        edge = here.edges.get(client)
        if edge is None:
            node = here.nodes[client]
            reply, keys = self._execute(here.keys, node)
            after = self._programs.next(node, reply)
            nodes = (*here.nodes[:client], after, *here.nodes[client + 1 :])
            edge = here.edges[client] = self._number(keys, nodes)
        return edge

    def _execute(self, keys: Snapshot, node: Node) -> tuple[bytes, Snapshot]:
        """Put the keys back, send the packet, read the keys: one round trip."""
        assert node.packet is not None
        self.steps += 1
        before = 1 + len(keys.entries)
        packet = keys.restore + node.packet + ASK
        received, ends = exchange(self._world.wire, packet, before + node.size + 1)
        first = ends[before - 1]
        if received[:first] != keys.restored:
            raise ServerError(f"keys cannot be put back: {received[:80]!r}", "try another server")
        last = ends[-2]
        return received[first:last], Snapshot(received[last : ends[-1]])

    def _number(self, keys: Snapshot, nodes: tuple[Node, ...]) -> Edge:
        order = self._order(keys, nodes)
        key = self._key(keys, nodes, order)
        number = self._numbers.setdefault(key, len(self.states))
        if number == len(self.states):
            groups = self._groups(keys, nodes, order, key)
            self.states.append(State(keys, nodes, order, groups, {}))
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

    def _key(self, keys: Snapshot, nodes: tuple[Node, ...], order: Order) -> Any:
        shapes = tuple(nodes[client].shape for client in order)
        names = self._programs.names
        if not names:
            return keys.raw, shapes
        role = {client: b"%d" % place for place, client in enumerate(order)}

        def plain(text: bytes) -> bytes:
            return names.relabel(text, role.__getitem__)

        content = tuple(
            (entry.name, entry.kind, entry.ends, _sorted(entry.kind, map(plain, entry.content)))
            for entry in keys.entries
        )
        seen = tuple(
            tuple(map(plain, nodes[client].history)) if nodes[client].foreign else ()
            for client in order
        )
        return content, shapes, seen

    def _groups(
        self, keys: Snapshot, nodes: tuple[Node, ...], order: Order, key: Any
    ) -> tuple[tuple[int, ...], ...]:
        """Clients that can change places without any difference; only those that still send."""
        groups: list[list[int]] = []
        for place, client in enumerate(order):
            if nodes[client].packet is None:
                continue
            before = order[place - 1] if place else None
            if before is not None and nodes[before].shape == nodes[client].shape:
                swapped = (*order[: place - 1], client, before, *order[place + 1 :])
                if not self._programs.names or self._key(keys, nodes, swapped) == key:
                    groups[-1].append(client)
                    continue
            groups.append([client])
        return tuple(map(tuple, groups))


def _sorted(kind: str, elements: Any) -> Sequence[bytes | tuple[bytes, bytes]]:
    """Sorted sets keep equal scores in the order of their members: here, of their labels."""
    flat = list(elements)
    if kind != "zset":
        return tuple(flat)
    return tuple(sorted(zip(flat[1::2], flat[::2], strict=True)))
