"""Makes a story as short as it can be while the same check fails by the same cause.

Greedy, in the manner of delta debugging (Zeller and Hildebrandt, "Simplifying and isolating
failure-inducing input", 2002): parts are left out, the largest first; then each event is made
simpler. Every candidate is played from an empty server.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from limitproof.stories import Ask, Event, Finish, Go, Wait
from limitproof.verify.searches.stage import Clock, Found, Played, Stage, cause_in

MOST_REPLAYS = 400
MILLISECOND = 1_000  # µs


class UnsteadyError(Exception):
    """A story did not fail when it was played once more: the limiter is not deterministic."""


class Shortener:
    """Shortens one story; `replays` counts what was played."""

    def __init__(self, stage: Stage, found: Found, seconds: float) -> None:
        self._stage, self._found = stage, found
        self._clock = Clock(seconds)
        self._seen: set[tuple[Event, ...]] = set()
        self.replays = 0

    def shortest(self) -> Played:
        """The shortest that was found; the story itself where nothing can be left out.

        Raises UnsteadyError when the story does not fail again.
        """
        best = self._attempt(self._found.events)
        if best is None:
            raise UnsteadyError
        while True:
            simpler = self._simpler(best)
            if simpler is None:
                return self._attempt(by_appearance(best.first)) or best
            best = simpler

    def _simpler(self, best: Played) -> Played | None:
        """The first candidate that fails as well and is less; None when none is."""
        for candidate in candidates(best.first, self._stage.window):
            if self._clock.over or self.replays >= MOST_REPLAYS:
                return None
            played = self._attempt(candidate)
            if played is not None and size(played.first) < size(best.first):
                return played
        return None

    def _attempt(self, events: Sequence[Event]) -> Played | None:
        key = tuple(events)
        if key in self._seen:
            return None
        self._seen.add(key)
        self.replays += 1
        played = self._stage.replay(self._found.name, events)
        if played is None or cause_in(played.tale, played.events) is not self._found.cause:
            return None
        return played if self._stage.judged(self._found.name, played.tale) else None


def size(events: Sequence[Event]) -> tuple[int, ...]:
    """What is less is shorter; or as long, with less of steps, clients, keys, costs and waits."""
    return (
        len(events),
        sum(isinstance(one, Go) for one in events),
        sum(one.client for one in events if hasattr(one, "client")),
        sum(one.key != "k" for one in events if isinstance(one, Ask)),
        sum((one.cost or 0) + (one.cost is not None) for one in events if isinstance(one, Ask)),
        sum(one.microseconds % MILLISECOND > 0 for one in events if isinstance(one, Wait)),
        sum(one.microseconds for one in events if isinstance(one, Wait)),
    )


def candidates(events: Sequence[Event], window: int) -> Iterator[tuple[Event, ...]]:
    """Stories that are a little simpler; they may not fit together any more."""
    listed = tuple(events)
    width = max(len(listed) // 2, 1)
    while True:
        for start in range(len(listed) - width, -1, -width):
            yield listed[:start] + listed[start + width :]
        if width == 1:
            break
        width //= 2
    for place, event in enumerate(listed):
        if isinstance(event, Ask):  # with all of its steps
            yield _without_request(listed, place)
        if isinstance(event, Go):
            yield _finished(listed, place)
    yield from _merged(listed)
    for place, event in enumerate(listed):
        for other in _lesser(event, window):
            yield (*listed[:place], other, *listed[place + 1 :])
    yield from _fewer_clients(listed)


def _without_request(events: tuple[Event, ...], place: int) -> tuple[Event, ...]:
    client = _of(events[place])
    kept, dropping = list(events[:place]), True
    for event in events[place + 1 :]:
        if _of(event) == client:
            dropping &= not isinstance(event, Ask)
            if dropping:
                continue
        kept.append(event)
    return tuple(kept)


def _finished(events: tuple[Event, ...], place: int) -> tuple[Event, ...]:
    """This step and all later ones of the same request as one event."""
    client = getattr(events[place], "client", 0)
    rest = _without_request((events[place], *events[place + 1 :]), 0)
    return (*events[:place], Finish(client), *rest)


def _merged(events: tuple[Event, ...]) -> Iterator[tuple[Event, ...]]:
    """Two waits as one; a wait earlier than the event before it."""
    for place in range(len(events) - 1):
        one, other = events[place], events[place + 1]
        if isinstance(one, Wait) and isinstance(other, Wait):
            both = Wait(one.microseconds + other.microseconds)
            yield (*events[:place], both, *events[place + 2 :])


def _lesser(event: Event, window: int) -> Iterator[Event]:
    if isinstance(event, Wait):
        told = event.microseconds
        steps = (window // 2, window - MILLISECOND, window, window + MILLISECOND)
        nice = {MILLISECOND, *steps, told // 2, told - MILLISECOND}
        nice |= {told - told % unit for unit in (MILLISECOND, 10_000, 100_000, 1_000_000)}
        yield from (Wait(one) for one in sorted(nice) if 0 < one < told)
        if told % MILLISECOND:
            yield Wait(told - told % MILLISECOND + MILLISECOND)
    if isinstance(event, Ask):
        if event.key != "k":
            yield replace(event, key="k")
        if event.cost is not None:
            yield replace(event, cost=None)
            yield from (replace(event, cost=cost) for cost in range(1, event.cost))


def _fewer_clients(events: tuple[Event, ...]) -> Iterator[tuple[Event, ...]]:
    """One client's events as another's, for the whole story and for one key."""
    clients = sorted({one.client for one in events if hasattr(one, "client")})
    for client in reversed(clients):
        for other in range(client):
            yield tuple(_given(one, other) if _of(one) == client else one for one in events)
            for place, event in enumerate(events):  # one request alone
                if isinstance(event, Ask) and event.client == client:
                    yield _of_another(events, place, other)
    keys = sorted({one.key for one in events if isinstance(one, Ask)} - {"k"})
    for key in keys:
        yield tuple(
            replace(one, key="k") if isinstance(one, Ask) and one.key == key else one
            for one in events
        )


def _of_another(events: tuple[Event, ...], place: int, other: int) -> tuple[Event, ...]:
    client = _of(events[place])
    changed: list[Event] = list(events)
    for later in range(place, len(events)):
        event = events[later]
        if _of(event) == client:
            if later > place and isinstance(event, Ask):
                break
            changed[later] = _given(event, other)
    return tuple(changed)


def by_appearance(events: Sequence[Event]) -> tuple[Event, ...]:
    """The same with its clients numbered as they come."""
    order = dict.fromkeys(client for event in events if (client := _of(event)) is not None)
    numbers = {client: number for number, client in enumerate(order)}
    return tuple(
        event if client is None else _given(event, numbers[client])
        for event in events
        for client in (_of(event),)
    )


def _of(event: Event) -> int | None:
    """Whose event it is; None for one of nobody."""
    client: int | None = getattr(event, "client", None)
    return client


def _given(event: Event, client: int) -> Event:
    """The same of another client."""
    changed: Event = replace(event, client=client)  # type: ignore[arg-type]
    return changed
