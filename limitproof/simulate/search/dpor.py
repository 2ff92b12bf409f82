"""Stateless search: one run for each order of the steps that depend on each other.

For worlds in which a state cannot be put back (WATCH leaves its mark on the connection): every
run begins on an empty server, and nothing is cached. Runs that differ only in the order of
independent steps end the same, so one of them stands for all: its representative.

Source sets decide where another client must go first, sleep sets where it need not: Abdulla,
Aronis, Jonsson, Sagonas, "Optimal dynamic partial order reduction" (POPL 2014), algorithm 1;
Flanagan and Godefroid, "Dynamic partial-order reduction for model checking software" (POPL 2005).
Clients that are alike and have not begun are one: it does not matter which of them goes first.

The clock is one more, and what it does depends on every other step; it may stop for ever at any
time. To which instants it may move (`moments`) is asked where it is its turn, and each is tried. A
client that sleeps moves it as it wakes, and so depends on every other step, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import permutations
from math import factorial
from time import perf_counter

from limitproof.simulate.determinism import random_choice
from limitproof.simulate.promised import yardstick_of
from limitproof.simulate.recall import Recall
from limitproof.simulate.search.causality import Causality, Event, form
from limitproof.simulate.search.coverage import (
    Coverage,
    Progress,
    Stop,
    Tell,
    stop_of,
)
from limitproof.simulate.search.dependency import Dependency, UnrepeatableError
from limitproof.simulate.search.moments import moments_of
from limitproof.simulate.search.orders import Orders
from limitproof.simulate.search.tally import Tally
from limitproof.simulate.trace import Choose, Trace
from limitproof.simulate.world import World

NAME = "source-set DPOR"
EVERY = 64  # runs between two words on how far it is
SAMPLE = 8  # random runs, each of which must be one of the representatives but for its order
MOST_NAMINGS = 720  # of clients, tried for each of them
TRIES = 4  # of a search in which the server turned out not to know a script yet


class _UnknownScriptError(Exception):
    """The server met a script for the first time: the run will not go the same way again."""


class _UnlikeError(Exception):
    """Two clients that were told the same sent something else."""


@dataclass(slots=True)
class _Node:
    """A place of the current run.

    enabled: who could go on; fresh: those of them that have not begun; sleep: whose turn here is
    accounted for already, with the effect of the step that it would take; todo: who must go
    first in some run; chosen: who does in this one, −d for the clock that moves on by d, None while
    nobody does. clock: whether it may move here; far: by what it is still to be moved, None until
    that is asked.
    """

    enabled: tuple[int, ...]
    fresh: frozenset[int]
    sleep: dict[int, int]
    todo: set[int]
    chosen: int | None
    clock: bool
    far: list[int] | None = None


class Dpor:
    """Every interleaving but for the order of independent steps, each run from an empty server.

    moves: how often the clock may move in a run. alike: take clients that are alike for one where
    neither has begun; given up by itself when they turn out not to be.
    """

    def __init__(self, moves: int = 0, *, alike: bool = True) -> None:
        self._moves, self._alike = moves, alike

    def search(
        self,
        world: World,
        limit: int,  # noqa: ARG002 - as of all strategies; here the whole promise is asked
        seconds: float,
        tell: Tell,
    ) -> Coverage:
        begun = perf_counter()
        alike = self._alike and not any(world.cast.offsets)
        unknown = 0
        while True:
            search = _Search(world, alike, self._moves, begun + seconds / 2)
            try:
                with Recall(world) as recall:
                    # where the clock may move to is asked of the world's own clients
                    play = world.trace if self._moves else recall.trace
                    stop = search.run(play, begun, seconds, tell)
            except _UnlikeError:
                if alike:
                    alike = False
                    continue
                stop = Stop("a client that was told the same sent something else")
            except _UnknownScriptError:
                unknown += 1
                if unknown < TRIES:
                    continue
                stop = Stop("the server did not know a script yet")
            except UnrepeatableError as error:
                stop = Stop(str(error))
            return search.coverage(stop)


class _Search:
    """One search from its beginning: a stack of nodes, the current run.

    until: how long the ends of all orders may be looked for, by time.perf_counter().
    """

    def __init__(self, world: World, alike: bool, moves: int, until: float) -> None:
        self._clock = clients = world.cast.clients
        self._world, self._alike, self._moves = world, alike, moves
        self._causality = Causality(Dependency(world.send), clients + (moves > 0))
        self._orders = Orders(world, alike=alike, until=until)
        self._tally = Tally(world, self._orders)
        self._runs = self._steps = 0
        self._forms: set[int] = set()
        self._nodes: list[_Node] = []
        self._events: list[Event] = []
        self._offered: list[tuple[int, ...]] = []
        self._instants: list[int] = []
        self._trace: Trace | None = None
        self._sends: dict[tuple[int, int, int], bytes] = {}

    def run(
        self, play: Callable[[Choose], Trace], begun: float, seconds: float, tell: Tell
    ) -> Stop | None:
        """Look until nothing is left; why it stopped before that, else None."""
        while True:
            trace = play(self._choices())
            self._runs += 1
            if self._parted(trace):
                return Stop("the same steps, taken again, went another way: a run does not repeat")
            if self._nodes and self._nodes[-1].chosen is None:
                self._nodes[-1].chosen = -1  # the clock has nowhere to move to: as if it had moved
            else:
                self._learn(trace)
                self._trace = trace
            if not self._advance():
                return self._unforeseen()
            spent = perf_counter() - begun
            if self._runs % EVERY == 0 or spent > seconds:
                progress = Progress(0, self._runs, spent)
                if stop := stop_of(tell, progress, seconds):
                    return stop

    def _choices(self) -> Choose:
        """The nodes one by one; then whoever is not asleep, the last client if possible.

        What wakes a sleeper is known only when a step has been answered, so sleepers go last.
        """
        nodes = self._nodes[:]
        asleep = set(nodes[-1].sleep) if nodes else set()
        offered = self._offered = []
        instants = self._instants = []
        last = -1

        def choose(enabled: Sequence[int]) -> int | None:
            nonlocal last
            place = len(offered)
            offered.append(tuple(enabled))
            instants.append(self._world.instant)
            if place < len(nodes):
                chosen = nodes[place].chosen
                if chosen == self._clock:
                    return self._first_move(nodes[place])
                if chosen is None or chosen >= 0:
                    last = -1 if chosen is None else chosen
                    return last if last in enabled else None
                return chosen
            awake = [client for client in enabled if client not in asleep] or list(enabled)
            last = last if last in awake else awake[0]
            return last

        return choose

    def _first_move(self, node: _Node) -> int | None:
        """Where the clock may move to is known only as a run is there."""
        node.far = moments_of(self._world, yardstick_of(self._world.cast))
        node.chosen = -node.far[0] if node.far else None
        return node.chosen

    def _parted(self, trace: Trace) -> bool:
        """Whether the run left the way of the one before it where it should not have."""
        known = len(self._nodes)
        nowhere = known > 0 and self._nodes[-1].chosen is None
        if len(trace.choices) < known - nowhere:
            return True
        if any(node.enabled != self._offered[place] for place, node in enumerate(self._nodes)):
            return True
        if self._trace is None or not known:
            return False
        same, before = known - 1, self._trace
        return (
            trace.packets[:same] != before.packets[:same]
            or trace.replies[:same] != before.replies[:same]
        )

    def _learn(self, trace: Trace) -> None:
        """New nodes for the new steps of a run, and where its races ask for another order."""
        self._steps += len(trace.choices)
        first = max(len(self._nodes) - 1, 0)
        del self._events[first:]
        for place in range(first, len(trace.choices)):
            chosen = trace.choices[place]
            client = chosen if chosen >= 0 else self._clock
            if place == len(self._nodes):
                sleep = self._asleep_after(place)
                if client in sleep:
                    self._cut(place, sleep)
                    return
                self._nodes.append(self._node(place, sleep, client, client))
            event, races = self._event(trace, place)
            if chosen >= 0:
                self._check(event, trace, place)
            for race in races:
                self._revisit(race, event)
            self._events.append(event)
        if (
            self._moves_of(self._events) < self._moves
        ):  # it might have moved before any of the steps since it last did
            event, races = self._causality.event(self._events, self._clock, b"", b"")
            for race in races:
                self._revisit(race, event)
        self._forms.add(form(self._events, trace.packets))
        self._tally.judge(trace, self._events)

    def _node(self, place: int, sleep: dict[int, int], todo: int, chosen: int | None) -> _Node:
        events = self._events[:place]
        moved = bool(events) and events[-1].client == self._clock
        clock = not moved and self._moves_of(events) < self._moves
        return _Node(self._offered[place], self._fresh(place), sleep, {todo}, chosen, clock)

    def _moves_of(self, events: Sequence[Event]) -> int:
        return sum(event.client == self._clock for event in events)

    def _event(self, trace: Trace, place: int) -> tuple[Event, list[int]]:
        """A step of a run as an event, and with which before it it is in a race."""
        packet, reply = trace.packets[place], trace.replies[place]
        chosen, at = trace.choices[place], self._instants[place]
        if chosen < 0:
            return self._causality.event(self._events, self._clock, b"", b"%d" % chosen, at)
        return self._causality.event(self._events, chosen, packet, reply, at)

    def _check(self, event: Event, trace: Trace, place: int) -> None:
        """That a client is a function of its replies, and all the same one if they are alike."""
        if b"-NOSCRIPT" in trace.replies[place]:
            raise _UnknownScriptError
        before = next((e for e in reversed(self._events) if e.client == event.client), None)
        told = -1 if before is None else before.history
        who = -1 if self._alike else event.client
        packet, at = trace.packets[place], self._instants[place]
        if self._sends.setdefault((who, told, at), packet) != packet:
            raise _UnlikeError

    def _fresh(self, place: int) -> frozenset[int]:
        begun = {event.client for event in self._events[:place]}
        return frozenset(self._offered[place]) - begun

    def _asleep_after(self, place: int) -> dict[int, int]:
        """Who still sleeps after the step before: those whom it does not concern."""
        if not place:
            return {}
        done = self._events[place - 1].effect
        asleep = self._nodes[place - 1].sleep.items()
        return {q: effect for q, effect in asleep if not self._causality.dependent(effect, done)}

    def _cut(self, place: int, sleep: dict[int, int]) -> None:
        """The run went on with a sleeper: what follows is known, unless somebody else can go.

        That is the clock, where all clients sleep: its move would wake them.
        """
        awake = [client for client in self._offered[place] if client not in sleep]
        node = self._node(place, sleep, awake[0] if awake else self._clock, None)
        if awake or node.clock:
            self._nodes.append(node)

    def _revisit(self, race: int, last: Event) -> None:
        """Let what is in a race with the last event come in the other order in some run, too."""
        node, racing = self._nodes[race], self._events[race]
        between = [one for one in self._events[race + 1 :] if not one.follows(racing)]
        between.append(last)
        initials: list[int] = []
        begun: set[int] = set()
        for index, event in enumerate(between):
            if event.client not in begun:
                begun.add(event.client)
                if not any(map(event.follows, between[:index])):
                    initials.append(event.client)
        known = node.todo | node.sleep.keys()
        if self._alike and not node.fresh.isdisjoint(known):
            known |= node.fresh
        if known.isdisjoint(initials):
            chosen = initials[0]
            if chosen == self._clock and not node.clock:
                return
            if self._alike and chosen in node.fresh:
                chosen = min(node.fresh)
            node.todo.add(chosen)

    def _advance(self) -> bool:
        """Choose the next run; False when there is none."""
        nodes = self._nodes
        while nodes:
            node = nodes[-1]
            if node.chosen is not None:
                if node.chosen < 0 and self._moved(node):
                    return True
                clock = node.chosen < 0
                effect = self._causality.moving if clock else self._events[len(nodes) - 1].effect
                one = self._alike and node.chosen in node.fresh
                who = self._clock if clock else node.chosen
                node.sleep |= dict.fromkeys(node.fresh if one else (who,), effect)
                node.chosen = None
            waiting = node.todo - node.sleep.keys()
            if waiting:
                node.chosen = min(waiting)
                return True
            nodes.pop()
        return False

    def _moved(self, node: _Node) -> bool:
        """Let the clock move from there to the next instant; False when all were tried."""
        left = node.far = (node.far or [])[1:]
        if left:
            node.chosen = -left[0]
        return bool(left)

    def _unforeseen(self) -> Stop | None:
        """Whether some real run is none of the representatives, whatever its order."""
        clients = self._clock
        every = self._alike and factorial(clients) <= MOST_NAMINGS
        if self._alike and not every:
            return None  # too many namings; their ends are compared all the same
        namings = list(permutations(range(clients))) if every else [tuple(range(clients))]
        for number in range(SAMPLE):
            choose = random_choice(self._world, self._world.cast.seed + number, self._moves)
            trace, events = self._played(choose)
            forms = (form(events, trace.packets, (*one, clients)) for one in namings)
            if not any(one in self._forms for one in forms):
                return Stop("a real run is none of those that were foreseen: they are not all")
        return None

    def _played(self, choose: Choose) -> tuple[Trace, list[Event]]:
        """Any run, and its events."""
        self._instants = []

        def noted(enabled: Sequence[int]) -> int | None:
            self._instants.append(self._world.instant)
            return choose(enabled)

        trace = self._world.trace(noted)
        self._events = []
        for place in range(len(trace.choices)):
            self._events.append(self._event(trace, place)[0])
        return trace, self._events

    def coverage(self, stop: Stop | None) -> Coverage:
        """What was seen; complete when nothing stopped it."""
        return self._tally.coverage(NAME, stop, self._moves, self._steps)
