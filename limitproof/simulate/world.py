"""The world: n clients of one limiter on a real Redis, and nothing moves unless it is told to.

A scheduling point lies just before a packet leaves a client, and where its limiter sleeps; between
two points a client runs alone. Time stands still until it is moved.
"""

from __future__ import annotations

import math
import random
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, NoReturn

import redis

from limitproof.schedules import Run, Step
from limitproof.servers.virtual import START, VirtualServer
from limitproof.simulate.access import Access, flags_of
from limitproof.simulate.cast import Cast
from limitproof.simulate.overheard import touched
from limitproof.simulate.pace import Pace
from limitproof.simulate.refusal import RefusedError, TimeNeededError
from limitproof.simulate.resp import Commands, pack, parse, shown_command, shown_reply
from limitproof.simulate.search.ends import Told
from limitproof.simulate.seat import KEY, Call, Seat
from limitproof.simulate.snapshot import ASK, CLEAR, EMPTY, LOAD, Snapshot
from limitproof.simulate.trace import Choose, Taken, Trace, answers_of, spans_of, told_to
from limitproof.simulate.wire import Wire, exchange, simulated_client
from limitproof.stories import AsOne

LONGEST_SLEEP = 2**63 / 1e9  # s, as of time.sleep: 292 years
LATEST = START + 1_000 * 365 * 86_400_000_000  # µs; who sleeps on from there is refused
DREW_LATE = "it draws random numbers in some schedules only, so a run may not repeat"


class World:
    """Runs clients one step at a time, and moves their clocks. Made by `opening.open_world`.

    `wire` is a connection that has been set up as those of the clients are. `instant` is the time
    of the server and of every client whose clock is right, in microseconds since the epoch. `draws`
    is whether the limiter drew anything at random in the rehearsal, `swap` whether from the module
    `random`. `life`: which random numbers the clients draw in the runs that follow.
    `pace`: when no client is let run any more.
    """

    def __init__(
        self, cast: Cast, virtual: VirtualServer, path: str, until: float = math.inf
    ) -> None:
        self.cast, self.server, self.instant = cast, virtual.server, START
        self.pace = Pace(until)
        self._virtual = virtual
        self._path = path
        self._acting: Seat | None = None
        self._lines: list[redis.Redis] = []
        self.wire = self.line()
        self._offsets = [cast.offset(number) for number in range(cast.clients)]
        self.seats = [self.seat(number) for number in range(cast.clients)]
        self._understudies: dict[int, Seat] = {}
        self._accesses: dict[str, Access] = {}
        self.swap = self.draws = True
        self.life = 0
        self._noticed = ""
        self._littered = False
        self._turns = 0
        self.travel: Callable[[float], None] | None = None
        self._told = float("nan")
        self._idle: Any = None
        self._ear: socket.socket | None = None
        self._threads = frozenset(threading.enumerate())  # not their idents: these are used again

    def clock(self) -> float:
        """Seconds since the epoch for whoever runs now."""
        return self.instant / 1_000_000 if self._acting is None else self._acting.clock()

    def urandom(self, size: int) -> bytes:
        """Entropy for whoever runs now."""
        return bytes(size) if self._acting is None else self._acting.urandom(size)

    def process(self) -> int:
        """The process id of whoever runs now."""
        return 0 if self._acting is None else self._acting.process()

    def sleep(self, seconds: float) -> None:
        """What time.sleep does to whoever runs now: the client waits until it is woken.

        Raises what time.sleep raises: a TTL of -2 (the key is gone) is no time to sleep.
        """
        if not seconds >= 0:
            raise ValueError(f"sleep length must be non-negative, not {seconds!r}")
        if seconds > LONGEST_SLEEP:
            raise OverflowError(f"timestamp too large: {seconds!r} s")
        if not self.inside():
            raise RefusedError("it sleeps in a thread or a greenlet of its own")
        if not self._virtual.moving:
            self.refuse(TimeNeededError(f"it sleeps ({seconds:g} s), and time stands still here"))
        if self.instant > LATEST:
            self.refuse(RefusedError("it sleeps for thousands of years"))
        if seconds > 0 and self._acting is not None:
            self._acting.sleep_until(self.instant + math.ceil(round(seconds * 1_000_000, 3)))

    def refuse(self, error: RefusedError) -> NoReturn:
        """Called inside a client, or in a thread that one has started: it cannot be simulated."""
        if self._acting is not None and self.inside():
            self._acting.refuse(error)
        elif self._acting is not None and self.in_new_thread():
            self._acting.refused = self._acting.refused or error
        raise error

    def in_new_thread(self) -> bool:
        """Whether this is called in a thread that has been started since the world was made."""
        return threading.current_thread() not in self._threads

    @property
    def doubt(self) -> str:
        """Why no search of this world is complete, as far as clients have run so far; else ""."""
        late = not self.swap and bool(random.getstate() != self._idle)
        return self._noticed or (DREW_LATE if late else "")

    def notice(self, why: str) -> None:
        """Called by a client: what it does cannot be looked through completely."""
        self._noticed = self._noticed or why

    def turns(self) -> int:
        """How often a client was let run so far."""
        return self._turns

    def inside(self) -> bool:
        """Whether a client runs now, and not the world."""
        return self._acting is not None and self._acting.running

    def seat(self, number: int) -> Seat:
        """A new client with a connection of its own."""
        self._acting = None
        cast = self.cast
        return Seat(
            number, self._path, cast.seed, cast.granularity,
            lambda: (self.instant + self._offsets[number]) / 1_000_000,
            sleep=self.sleep, notice=self.notice, is_async=cast.target.is_async,
        )  # fmt: skip

    def understudy(self, number: int) -> Seat:
        """Another client of that number, who is fed replies beside the play; `leave` it after use.

        Always the same one: making a client of redis-py takes longer than what is asked of it.
        """
        if number not in self._understudies:
            self._understudies[number] = self.seat(number)
        return self._understudies[number]

    def line(self) -> socket.socket:
        """Another connection, set up as those of the clients are; open as long as the world."""
        self._acting = None  # redis-py draws a name for it, which is not to be a client's
        client = simulated_client(self._path, _no_command)
        self._lines.append(client)
        connection: Any = client.connection_pool.get_connection()
        line: socket.socket = connection._sock.real
        return line

    def reset(self) -> None:
        """An empty server at the first instant, and clients that have not begun."""
        for seat in self.seats:
            self._acting = seat
            seat.leave()
            seat.life = self.life
        self._acting = None
        self._offsets = [self.cast.offset(number) for number in range(self.cast.clients)]
        self.empty()

    def empty(self) -> None:
        """An empty server at the first instant."""
        if self.instant != START:
            self.move(START)
        self._littered = True

    def keep(self) -> None:
        """Leave the server as it is, after `reset`: another process was its client before."""
        self._littered = False

    def move(self, instant: int) -> None:
        """Let the server's and all clients' clocks stand at `instant`. Only with moving clocks."""
        self._virtual.set(instant)
        self.instant = instant

    def skew(self, number: int, offset: int) -> None:
        """Let a client's clock be off by so many microseconds from now on."""
        self._offsets[number] = offset

    def begin(self, seat: Seat) -> None:
        """Seat a new limiter. Raises RefusedError when it cannot be simulated."""
        self._act(seat)
        seat.begin(self.cast.factory, self.cast.quota, swap=self.swap)
        self._settle(seat)

    def ask(self, seat: Seat, key: str = KEY, cost: int | None = None) -> None:
        """Begin a request of an idle client. Raises RefusedError as `begin` does."""
        self._act(seat)
        seat.ask(Call(key, cost, self.instant), swap=self.swap)
        self._settle(seat)

    def step(self, seat: Seat) -> bytes:
        """What a client waits for happens: its packet is answered, or its sleep is over.

        Raises RefusedError as `begin` does, ServerError when the server dies.
        """
        if seat.asleep is not None:
            if self.instant < seat.asleep:
                self.move(seat.asleep)
            self._act(seat)
            seat.wake(swap=self.swap)
            self._settle(seat)
            return b""
        reply = self.execute(seat)
        self.resume(seat, reply)
        return reply

    def execute(self, seat: Seat) -> bytes:
        """The server does what a client has sent; the reply is on its way."""
        assert seat.wire is not None
        return self.deliver(seat.wire.real, seat.packets[0], len(seat.commands[0]))

    def overhear(self, seat: Seat) -> tuple[bytes, tuple[AsOne, ...]]:
        """As `execute`, and which keys the server touched then; it takes some round trips."""
        self._ear = self._ear or self.line()
        return touched(lambda: self.execute(seat), self._ear, self.send)

    def deliver(self, line: socket.socket, packet: bytes, replies: int) -> bytes:
        """What a client sends, on a connection that is set up: so many replies to it."""
        self.pace.begin()  # a script may compute as long as a client
        if not self._littered:
            received = exchange(line, packet, replies)[0]
        else:  # emptied by whoever comes first: a round trip less in every run
            self._littered = False
            all_received, ends = exchange(line, CLEAR + packet, replies + 1)
            received = all_received[ends[0] :]
        self.pace.end()
        return received

    def resume(self, seat: Seat, reply: bytes) -> None:
        """Let a client read its reply. Raises RefusedError as `begin` does."""
        self._act(seat)
        seat.resume(reply, swap=self.swap)
        self._settle(seat)

    def lose(self, seat: Seat) -> None:
        """Break a client's connection before it has its reply. Raises as `begin` does."""
        self._act(seat)
        seat.lose(swap=self.swap)
        self._settle(seat)

    def kill(self, seat: Seat) -> None:
        """The client dies where it stands; what it asked for has no outcome."""
        self._act(seat)
        seat.leave()
        seat.life += 1

    def send(self, packet: bytes, replies: int) -> bytes:
        """Bytes to the server, outside of any client."""
        if self._littered:
            self._littered = False
            exchange(self.wire, CLEAR, 1)
        return exchange(self.wire, packet, replies)[0]

    def flush_scripts(self) -> None:
        """The server forgets all scripts, but for those that the world itself needs."""
        self.send(pack("SCRIPT", "FLUSH") + LOAD, 3)

    def learn_draws(self, seat: Seat) -> None:
        """Whether clients draw at random, by one that has asked alone; none swaps state if not."""
        self.swap = seat.draws()  # leaves the state of `random` as a seed makes it
        self.draws = self.swap or seat.drew_entropy
        self._idle = random.getstate()

    def trace(self, choose: Choose) -> Trace:
        """One run from an empty server, as bytes.

        Raises RefusedError when the limiter cannot be simulated, ServerError when the server dies.
        """
        choices: list[int] = []
        packets: list[bytes] = []
        replies: list[bytes] = []
        for choice, taken in self._play(choose):
            choices.append(choice)
            packets.append(taken.packet)
            replies.append(taken.reply)
        return Trace(
            tuple(choices), tuple(packets), tuple(replies),
            answers_of(self.seats), spans_of(self.seats), self.told(),
        )  # fmt: skip

    def run(self, choose: Choose) -> Run:
        """One run from an empty server, for a person: with the state of the keys at each step.

        Raises as `trace` does.
        """
        steps: list[Step] = []
        before, then = EMPTY, START
        for choice, taken in self._play(choose):
            access = self.access(taken.commands)
            now = self.snapshot()
            steps.append(
                Step(
                    max(choice, -1),
                    tuple(map(shown_command, taken.commands)),
                    tuple(map(shown_reply, parse(taken.reply))),
                    access.reads,
                    access.writes,
                    now.shown(self.instant // 1000),
                    taken.decided,
                    max(-choice, 0),
                    self.instant - START,
                    before.gone(now) if self.instant > then else (),
                )
            )
            before, then = now, self.instant
        errors = tuple(call.error for seat in self.seats for call in seat.calls if call.error)
        return Run(tuple(steps), answers_of(self.seats), spans_of(self.seats), errors)

    def told(self) -> tuple[tuple[Told, ...], ...]:
        """What each client was told in the run that has just ended."""
        return told_to(self.seats)

    def snapshot(self) -> Snapshot:
        """All keys as they are now."""
        return Snapshot(self.send(ASK, 1))

    def access(self, commands: Commands) -> Access:
        """What the server says of these commands: whether they read or write keys."""
        told = [self._access(words[0].decode("ascii", "replace").upper()) for words in commands]
        return Access(any(one.reads for one in told), any(one.writes for one in told))

    def close(self) -> None:
        with ExitStack() as stack:  # one that cannot be ended keeps no other open
            for line in self._lines:
                stack.callback(line.connection_pool.disconnect)
            for seat in (*self.seats, *self._understudies.values()):
                stack.callback(seat.close)

    def _act(self, seat: Seat) -> None:
        self.pace.begin()
        self._acting = seat
        self._turns += 1
        if self.travel is not None and (now := seat.clock()) != self._told:
            self.travel(now)
            self._told = now

    def _settle(self, seat: Seat) -> None:
        self.pace.end()
        if seat.refused is not None:
            raise seat.refused
        if seat.idle and seat.calls and seat.calls[-1].ended is None:
            seat.calls[-1].ended = self.instant

    def _access(self, name: str) -> Access:
        if name not in self._accesses:
            self._accesses[name] = flags_of(name, self.send)
        return self._accesses[name]

    def _play(self, choose: Choose) -> Iterator[tuple[int, Taken]]:
        """Each choice and what came of it, from an empty server to the end."""
        self.reset()
        seats, requests = self.seats, self.cast.requests
        try:
            for seat in seats:
                self.begin(seat)
            enabled = [seat.number for seat in seats]
            while enabled and (chosen := choose(enabled)) is not None:
                if chosen < 0:
                    self.move(self.instant - chosen)
                    yield chosen, Taken()
                    continue
                seat = seats[chosen]
                taken = self._take(seat)
                if seat.idle and len(seat.calls) == requests:
                    enabled.remove(chosen)
                yield chosen, taken
        finally:
            for seat in seats:
                self._acting = seat
                seat.leave()

    def _take(self, seat: Seat) -> Taken:
        """One step of a client; it begins its next request if none is under way."""
        if seat.idle:
            self.ask(seat)
        call = seat.calls[-1] if seat.calls else None
        packet, commands = (seat.packets[0], seat.commands[0]) if seat.packets else (b"", [])
        reply = self.step(seat) if seat.ready else b""
        decided = call.outcome if call is not None and call.ended is not None else None
        return Taken(packet, commands, reply, decided)


def _no_command(_wire: Wire, _packet: bytes, _commands: object) -> bytes:
    raise RefusedError("the world's own connection is used by somebody else")
