"""Stateless search: one run for each order of the steps that depend on each other.

For worlds in which a state cannot be put back (WATCH leaves its mark on the connection): every
run begins on an empty server, and nothing is cached. Runs that differ only in the order of
independent steps end the same, so one of them stands for all: its representative.

Source sets decide where another client must go first, sleep sets where it need not: Abdulla,
Aronis, Jonsson, Sagonas, "Optimal dynamic partial order reduction" (POPL 2014), algorithm 1;
Flanagan and Godefroid, "Dynamic partial-order reduction for model checking software" (POPL 2005).
Clients that are alike and have not begun are one: it does not matter which of them goes first.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from math import factorial

from limitproof.check.instant import overshoot_at_once, refused_with_room
from limitproof.history.outcome import Outcome
from limitproof.schedules import Answers
from limitproof.simulate.recall import Recall
from limitproof.simulate.search.causality import Causality, Event, form
from limitproof.simulate.search.coverage import (
    Coverage,
    Progress,
    Stop,
    Tell,
    sorted_answers,
    stop_of,
)
from limitproof.simulate.search.dependency import Dependency, UnrepeatableError
from limitproof.simulate.search.witnesses import Witnesses
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
    first in some run; chosen: who does in this one, -1 while nobody does.
    """

    enabled: tuple[int, ...]
    fresh: frozenset[int]
    sleep: dict[int, int]
    todo: set[int]
    chosen: int


@dataclass(slots=True)
class _Count:
    """What came of the runs; cut: those that only repeated others from some step on."""

    runs: int = 0
    cut: int = 0
    steps: int = 0
    overshooting: int = 0
    refusing: int = 0
    erring: int = 0
    outcomes: set[Answers] = field(default_factory=set)
    forms: set[int] = field(default_factory=set)


class Dpor:
    """Every interleaving but for the order of independent steps, each run from an empty server.

    alike: take clients that are alike for one where neither has begun; given up by itself when
    they turn out not to be.
    """

    def __init__(self, *, alike: bool = True) -> None:
        self._alike = alike

    def search(self, world: World, limit: int, seconds: float, tell: Tell) -> Coverage:
        begun = time.perf_counter()
        alike = self._alike and not any(world.cast.offsets)
        unknown = 0
        while True:
            search = _Search(world, limit, alike)
            try:
                with Recall(world) as recall:
                    stop = search.run(recall.trace, begun, seconds, tell)
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
    """One search from its beginning: a stack of nodes, the current run."""

    def __init__(self, world: World, limit: int, alike: bool) -> None:
        clients = world.cast.clients
        self._world, self._limit, self._alike = world, limit, alike
        self._causality = Causality(Dependency(world.send), clients)
        self._witnesses = Witnesses(world, limit)
        self._count = _Count()
        self._nodes: list[_Node] = []
        self._events: list[Event] = []
        self._offered: list[tuple[int, ...]] = []
        self._trace: Trace | None = None
        self._sends: dict[tuple[int, int], bytes] = {}

    def run(
        self, play: Callable[[Choose], Trace], begun: float, seconds: float, tell: Tell
    ) -> Stop | None:
        """Look until nothing is left; why it stopped before that, else None."""
        while True:
            trace = play(self._choices())
            if self._parted(trace):
                return Stop("the same steps, taken again, went another way: a run does not repeat")
            self._count.runs += 1
            self._learn(trace)
            self._trace = trace
            if not self._advance():
                return self._unforeseen()
            spent = time.perf_counter() - begun
            if self._count.runs % EVERY == 0 or spent > seconds:
                progress = Progress(0, self._count.runs, spent)
                if stop := stop_of(tell, progress, seconds):
                    return stop

    def _choices(self) -> Choose:
        """The nodes one by one; then whoever is not asleep, the last client if possible.

        What wakes a sleeper is known only when a step has been answered, so sleepers go last.
        """
        prefix = [node.chosen for node in self._nodes]
        asleep = set(self._nodes[-1].sleep) if self._nodes else set()
        offered = self._offered = []
        last = -1

        def choose(enabled: Sequence[int]) -> int | None:
            nonlocal last
            place = len(offered)
            offered.append(tuple(enabled))
            if place < len(prefix):
                last = prefix[place]
                return last if last in enabled else None
            awake = [client for client in enabled if client not in asleep] or list(enabled)
            last = last if last in awake else awake[0]
            return last

        return choose

    def _parted(self, trace: Trace) -> bool:
        """Whether the run left the way of the one before it where it should not have."""
        known = len(self._nodes)
        if len(trace.choices) < known:
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
        self._count.steps += len(trace.choices)
        first = max(len(self._nodes) - 1, 0)
        del self._events[first:]
        for place in range(first, len(trace.choices)):
            client = trace.choices[place]
            if place == len(self._nodes):
                sleep = self._asleep_after(place)
                if client in sleep:
                    self._cut(place, sleep)
                    return
                fresh = self._fresh(place)
                self._nodes.append(_Node(self._offered[place], fresh, sleep, {client}, client))
            packet, reply = trace.packets[place], trace.replies[place]
            event, races = self._causality.event(self._events, client, packet, reply)
            self._check(event, packet, reply)
            self._events.append(event)
            for race in races:
                self._revisit(race, place)
        self._judge(trace)

    def _check(self, event: Event, packet: bytes, reply: bytes) -> None:
        """That a client is a function of its replies, and all the same one if they are alike."""
        if b"-NOSCRIPT" in reply:
            raise _UnknownScriptError
        before = next((e for e in reversed(self._events) if e.client == event.client), None)
        told = -1 if before is None else before.history
        who = -1 if self._alike else event.client
        if self._sends.setdefault((who, told), packet) != packet:
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
        """The run went on with a sleeper: what follows is known, unless somebody else can go."""
        self._count.cut += 1
        awake = [client for client in self._offered[place] if client not in sleep]
        if awake:
            fresh = self._fresh(place)
            self._nodes.append(_Node(self._offered[place], fresh, sleep, {awake[0]}, -1))

    def _revisit(self, race: int, place: int) -> None:
        """Let what is in a race come in the other order in some run, too."""
        node, racing = self._nodes[race], self._events[race]
        between = [one for one in self._events[race + 1 : place] if not one.follows(racing)]
        between.append(self._events[place])
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
            if self._alike and chosen in node.fresh:
                chosen = min(node.fresh)
            node.todo.add(chosen)

    def _advance(self) -> bool:
        """Choose the next run; False when there is none."""
        nodes = self._nodes
        while nodes:
            node = nodes[-1]
            if node.chosen >= 0:
                effect = self._events[len(nodes) - 1].effect
                one = self._alike and node.chosen in node.fresh
                node.sleep |= dict.fromkeys(node.fresh if one else (node.chosen,), effect)
                node.chosen = -1
            waiting = node.todo - node.sleep.keys()
            if waiting:
                node.chosen = min(waiting)
                return True
            nodes.pop()
        return False

    def _judge(self, trace: Trace) -> None:
        count, limit = self._count, self._limit
        count.outcomes.add(sorted_answers(trace.answers))
        count.forms.add(form(self._events, trace.packets))
        if overshoot_at_once(trace.answers, limit):
            count.overshooting += 1
            self._witnesses.overshoot(trace, self._events)
        if refused_with_room(trace.answers, limit):
            count.refusing += 1
            self._witnesses.refusal(trace, self._events)
        if any(Outcome.ERROR in told for told in trace.answers):
            count.erring += 1
            self._witnesses.error(trace, self._events)

    def _unforeseen(self) -> Stop | None:
        """Whether some real run is none of the representatives, whatever its order."""
        clients = self._world.cast.clients
        every = self._alike and factorial(clients) <= MOST_NAMINGS
        if self._alike and not every:
            return None  # too many namings; their ends are compared all the same
        namings = list(permutations(range(clients))) if every else [tuple(range(clients))]
        for number in range(SAMPLE):
            source = random.Random(self._world.cast.seed + number)
            trace = self._world.trace(source.choice)
            events = self.events(trace)
            if not any(form(events, trace.packets, one) in self._count.forms for one in namings):
                return Stop("a real run is none of those that were foreseen: they are not all")
        return None

    def events(self, trace: Trace) -> list[Event]:
        """The events of any run."""
        events: list[Event] = []
        for step in zip(trace.choices, trace.packets, trace.replies, strict=True):
            events.append(self._causality.event(events, *step)[0])
        return events

    def coverage(self, stop: Stop | None) -> Coverage:
        """What was seen; complete when nothing stopped it."""
        count, found = self._count, self._witnesses
        runs = count.runs - count.cut
        said = f"{runs:,} schedules up to the order of independent steps"
        said = f"{stop.why}, {said} seen" if stop else f"{said}, all others end the same"
        return Coverage(
            NAME, stop is None, stop.why if stop else "",
            0, count.steps, runs, count.overshooting, count.refusing,
            found.first, found.worst, found.least_refusal, frozenset(count.outcomes), said,
            moves=-1 if stop else 0, unit="representatives",
            error=found.least_error, erring=count.erring,
            unfinished=stop is not None and stop.out_of_time,
        )  # fmt: skip
