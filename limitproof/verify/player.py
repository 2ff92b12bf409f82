"""Plays a story on a simulated world, event by event."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from limitproof.simulate.resp import pack, parse, shown_command, shown_reply
from limitproof.simulate.seat import Call, Seat
from limitproof.simulate.snapshot import Entry
from limitproof.simulate.world import World
from limitproof.stories import (
    Again,
    Ask,
    AsOne,
    Drop,
    Event,
    Finish,
    Forget,
    Go,
    Happening,
    KeyState,
    Kill,
    Look,
    Lose,
    Operation,
    Sight,
    Skew,
    Tale,
    Wait,
)

MOST_SHOWN = 300  # events, half of them the first: nobody reads more, and each takes a round trip
STRING = 96  # bytes of a key beside its name and its text; fewer where these are short
MOST_KEYS = 10_000  # looked at; a limiter that makes more floods the server

Exchange = tuple[tuple[str, ...], tuple[str, ...]]


class StoryError(Exception):
    """An event that cannot happen there: the limiter is another than the story was told of."""


class Player:
    """Does one event after the other and keeps what came of it. Begins on an empty server.

    shown: keep also what a person wants to see (commands, replies, keys), which costs a round trip
    an event; it may change from one event to the next.
    """

    def __init__(self, world: World, *, shown: bool = False) -> None:
        self.world = world
        self.events: list[Event] = []
        self.shown = shown
        self._act = 0
        self._seated: set[int] = set()
        self._calls: list[tuple[int, int, int, Call]] = []
        self._open: list[int] = []  # which of the calls have not ended
        self._over: dict[int, int] = {}  # by which event the others did
        self._lost: Counter[int] = Counter()
        self._sights: list[Sight] = []
        self._happenings: list[Happening] = []
        self._exchanges: list[Exchange] = []
        self._raw: list[tuple[bytes, ...]] = []
        self._touched: list[AsOne] = []
        world.reset()

    @property
    def instant(self) -> int:
        """Microseconds since the epoch."""
        return self.world.instant

    @property
    def clients(self) -> int:
        """How many there are."""
        return len(self.world.seats)

    def busy(self, client: int) -> bool:
        """Whether a request of this client is under way."""
        return client in self._seated and self.world.seats[client].ready

    def last(self) -> Operation:
        """The request that began last."""
        return self._operation(len(self._calls) - 1)

    def do(self, event: Event) -> None:
        """Let one thing happen.

        Raises StoryError when it cannot happen now, RefusedError when the limiter does what a
        simulation cannot, ServerError when the server dies.
        """
        self.events.append(event)
        self._exchanges, self._raw, self._touched = [], [], []
        self._happen(event)
        ended = [n for n in self._open if self._calls[n][3].ended is not None]
        self._over |= dict.fromkeys(ended, len(self.events) - 1)
        self._open = [number for number in self._open if number not in ended]
        if self.shown:
            self._happenings.append(
                self._told(event, self._operation(ended[-1]) if ended else None)
            )

    def acquire(self, client: int = 0, key: str = "k", cost: int | None = None) -> Operation:
        """A whole request of one client alone; how it went."""
        self.do(Ask(client, key, cost))
        number = len(self._calls) - 1
        if self.busy(client):
            self.do(Finish(client))
        return self._operation(number)

    def tale(self) -> Tale:
        """What came of it so far."""
        return Tale(
            tuple(map(self._operation, range(len(self._calls)))),
            tuple(self._sights),
            tuple(self._happenings),
        )

    def _happen(self, event: Event) -> None:
        world = self.world
        match event:
            case Ask():
                self._ask(event)
            case Go():
                self._step(self._ready(event.client))
            case Finish():
                seat = self._ready(event.client)
                while seat.ready:
                    self._step(seat)
            case Wait():
                world.move(world.instant + event.microseconds)
            case Kill():
                world.kill(world.seats[event.client])
                self._seated.discard(event.client)
            case Lose():
                seat = self._sending(event.client)
                self._execute(seat)
                self._lost[id(seat.calls[-1])] += 1
                world.lose(seat)
            case Drop():
                world.lose(self._sending(event.client))
            case Forget():
                world.flush_scripts()
            case Skew():
                world.skew(event.client, event.microseconds)
            case Look():
                self._sights.append(self._look())
            case Again():
                world.reset()
                self._act += 1
                self._seated.clear()

    def _ask(self, event: Ask) -> None:
        world, seat = self.world, self.world.seats[event.client]
        if event.client not in self._seated:
            world.begin(seat)
            self._seated.add(event.client)
            while seat.ready and not seat.idle:  # what it asks Redis while it is made
                self._step(seat)
        if not seat.idle:
            raise StoryError(f"client {event.client} is asked while its request is under way")
        world.ask(seat, event.key, event.cost)
        self._open.append(len(self._calls))
        self._calls.append((event.client, self._act, len(self.events) - 1, seat.calls[-1]))

    def _ready(self, client: int) -> Seat:
        if not self.busy(client):
            raise StoryError(f"client {client} has nothing to go on with")
        return self.world.seats[client]

    def _sending(self, client: int) -> Seat:
        seat = self._ready(client)
        if not seat.packets:
            raise StoryError(f"client {client} sleeps, and sends nothing that could be lost")
        return seat

    def _step(self, seat: Seat) -> None:
        if seat.asleep is not None:
            self.world.step(seat)
            return
        self.world.resume(seat, self._execute(seat))

    def _execute(self, seat: Seat) -> bytes:
        world, commands = self.world, seat.commands[0]
        if not self.shown:
            return world.execute(seat)
        reply, touched = world.overhear(seat)
        self._touched += touched
        self._raw += [tuple(words) for words in commands]
        self._exchanges.append(
            (tuple(map(shown_command, commands)), tuple(map(shown_reply, parse(reply))))
        )
        return reply

    def _told(self, event: Event, answered: Operation | None) -> Happening:
        return Happening(
            event,
            self.world.instant,
            tuple(self._exchanges),
            self.world.snapshot().shown(self.world.instant // 1000),
            answered,
            tuple(self._raw),
            tuple(self._touched),
            len(self.events) - 1,
        )

    def _operation(self, number: int) -> Operation:
        client, act, place, call = self._calls[number]
        return Operation(
            client, call.key, call.cost, call.begun, call.ended, call.outcome, call.decision,
            call.error, act, place, self._over.get(number), self._lost[id(call)],
        )  # fmt: skip

    def _look(self) -> Sight:
        # A hash all of whose fields have ended is gone in production: here the server's own timer
        # is off (servers/virtual.py), and they stay in memory, unseen by HGETALL, until touched.
        entries = self.world.snapshot().entries[:MOST_KEYS]
        entries = tuple(one for one in entries if one.content or one.kind != "hash")
        packet = b"".join(pack("MEMORY", "USAGE", one.name, "SAMPLES", 0) for one in entries)
        sizes = parse(self.world.send(packet, len(entries))) if entries else ()
        keys = tuple(
            KeyState(
                one.name,
                one.kind,
                _ends(one),
                _elements(one.kind, one.content),
                self._used(one, size) if isinstance(size, int) else 0,
                one.digest,
            )
            for one, size in zip(entries, sizes, strict=True)
        )
        return Sight(self.world.instant, keys, self._act, len(self.events) - 1)

    def _used(self, entry: Entry, size: int) -> int:
        """The bytes of a key without what is there for nothing.

        That is a hash's share of fields that have ended, but are still there, and what a string has
        in reserve: APPEND and SETRANGE take twice what they need, and a log in one string would
        grow in three leaps a thousand requests.
        """
        if entry.kind == "string":
            return min(size, len(entry.content[0]) + len(entry.name) + STRING)
        if not entry.fields:
            return size
        (stored,) = parse(self.world.send(pack("HLEN", entry.name), 1))
        alive = _elements(entry.kind, entry.content)
        return size * alive // stored if isinstance(stored, int) and stored > alive else size


def play(world: World, events: Iterable[Event], *, shown: bool = False) -> Tale:
    """All events of a story, from an empty server. Raises as `Player.do` does.

    shown: those of them that `is_shown`.
    """
    every = tuple(events)
    player = Player(world)
    for place, event in enumerate(every):
        player.shown = shown and is_shown(event, place, len(every))
        player.do(event)
    return player.tale()


def is_shown(event: Event, place: int, events: int) -> bool:
    """Whether a person is to see it: of very many the first and the last, and each new act."""
    half = MOST_SHOWN // 2
    return place not in range(half, events - half) or isinstance(event, Again)


def _ends(entry: Entry) -> int:
    """When a key ends (ms): a hash also with the last of its fields, if each of them ends."""
    fields = [end for _, end in entry.fields]
    if not fields or len(fields) < _elements(entry.kind, entry.content):
        return entry.ends
    return min(max(fields), entry.ends) if entry.ends >= 0 else max(fields)


def _elements(kind: str, content: tuple[bytes, ...]) -> int:
    pairs = kind in ("zset", "hash")
    return len(content) // 2 if pairs else len(content)
