"""The world: n clients of one limiter on a real Redis whose clock stands still.

A scheduling point lies just before a packet leaves a client; between two points a client runs
alone. Time does not pass: all requests fall into one instant, so that whatever is admitted beyond
the limit is beyond it in every window.
"""

from __future__ import annotations

import random
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from limiters.contract import Quota
from limiters.registry import Target
from limitproof.history.columns import Outcome
from limitproof.schedules import Answers, Granularity, Run, Step
from limitproof.servers.server import Server
from limitproof.servers.virtual import START, virtual_server
from limitproof.simulate.access import Access, flags_of
from limitproof.simulate.refusal import RefusedError
from limitproof.simulate.resp import parse, shown_command, shown_reply
from limitproof.simulate.sandbox import sandbox, watchdog
from limitproof.simulate.seat import Factory, Seat
from limitproof.simulate.snapshot import ASK, CLEAR, LOAD, Snapshot
from limitproof.simulate.wire import Wire, exchange, simulated_client

Choose = Callable[[Sequence[int]], int | None]
"""Picks one of the clients that want to send, or None to stop there."""
Commands = Sequence[Sequence[bytes]]
Note = Callable[[Seat, bytes, Any, bytes, Outcome | None], None]
REHEARSED = 20  # most requests of the rehearsal


@dataclass(frozen=True, slots=True)
class Cast:
    """Who plays: a limiter, its quota, so many clients of so many requests each.

    offsets: by how many microseconds each client's clock is off, () when none is.
    """

    target: Target
    quota: Quota
    clients: int
    requests: int = 1
    seed: int = 0
    granularity: Granularity = "packet"
    offsets: tuple[int, ...] = ()

    def offset(self, client: int) -> int:
        """How far a client's clock is off, in microseconds."""
        return self.offsets[client] if self.offsets else 0

    @property
    def factory(self) -> Factory:
        return self.target.factory


@dataclass(frozen=True, slots=True)
class Trace:
    """A run as bytes: equal runs have equal traces."""

    choices: tuple[int, ...]
    packets: tuple[bytes, ...]
    replies: tuple[bytes, ...]
    answers: Answers


class World:
    """Runs clients by a schedule, one step at a time. Made by `open_world`.

    `wire` is a connection that has been set up as those of the clients are.
    """

    def __init__(self, cast: Cast, server: Server, path: str, instant: int = START) -> None:
        self.cast, self.server, self.instant = cast, server, instant
        self._path = path
        self._acting: Seat | None = None
        self._control = simulated_client(path, _no_command)
        connection: Any = self._control.connection_pool.get_connection()
        self.wire: socket.socket = connection._get_socket().real
        self._seats = [self.seat(number) for number in range(cast.clients)]
        self._accesses: dict[str, Access] = {}
        self._swap = True
        self._turns = 0
        self.travel: Callable[[float], None] | None = None
        self._idle: Any = None

    def clock(self) -> float:
        """Seconds since the epoch for whoever runs now."""
        return self.instant / 1_000_000 if self._acting is None else self._acting.clock()

    def urandom(self, size: int) -> bytes:
        """Entropy for whoever runs now."""
        return bytes(size) if self._acting is None else self._acting.urandom(size)

    @property
    def drew_late(self) -> bool:
        """Whether a client has drawn random numbers, though none did in the rehearsal."""
        return not self._swap and bool(random.getstate() != self._idle)

    def turns(self) -> int:
        """How often a client was let run so far."""
        return self._turns

    def inside(self) -> bool:
        """Whether a client runs now, and not the world."""
        return self._acting is not None and self._acting.running

    def seat(self, number: int) -> Seat:
        """A new client with a connection of its own."""
        cast = self.cast
        own = (self.instant + cast.offset(number)) / 1_000_000
        return Seat(number, self._path, cast.seed, cast.granularity, lambda: own)

    def begin(self, seat: Seat, requests: int | None = None) -> None:
        """Seat a new limiter. Raises RefusedError when it cannot be simulated."""
        self._act(seat)
        cast = self.cast
        seat.begin(cast.factory, cast.quota, requests or cast.requests, swap=self._swap)
        _raise_refusal(seat)

    def resume(self, seat: Seat, reply: bytes) -> None:
        """Let a client read its reply. Raises RefusedError as `begin` does."""
        self._act(seat)
        seat.resume(reply, swap=self._swap)
        _raise_refusal(seat)

    def send(self, packet: bytes, replies: int) -> bytes:
        """Bytes to the server, outside of any client."""
        return exchange(self.wire, packet, replies)[0]

    def rehearse(self) -> None:
        """One client asks beyond its limit, alone.

        Afterwards its Lua scripts are known to the server, as they are in production: a script's
        first call ever takes three round trips more.
        """
        seat = self.seat(0)
        self.send(CLEAR, 1)
        try:
            self.begin(seat, min(self.cast.quota.limit + 1, REHEARSED))
            silent = not seat.packets
            while seat.packets:
                self._step(seat)
            self._swap = seat.draws()  # leaves the state of `random` as a seed makes it
            self._idle = random.getstate()
            if silent and Outcome.REJECTED in seat.answers:
                raise RefusedError("it refuses without asking Redis: its state is in the process")
        finally:
            seat.close()
        self.send(CLEAR, 1)

    def trace(self, choose: Choose) -> Trace:
        """One run from an empty server, as bytes.

        Raises RefusedError when the limiter cannot be simulated, ServerError when the server dies.
        """
        choices: list[int] = []
        packets: list[bytes] = []
        replies: list[bytes] = []

        def note(seat: Seat, packet: bytes, _: Commands, reply: bytes, __: Outcome | None) -> None:
            choices.append(seat.number)
            packets.append(packet)
            replies.append(reply)

        answers = self._play(choose, note)
        return Trace(tuple(choices), tuple(packets), tuple(replies), answers)

    def run(self, choose: Choose) -> Run:
        """One run from an empty server, for a person: with the state of the keys at each step.

        Raises as `trace` does.
        """
        steps: list[Step] = []

        def note(
            seat: Seat, _: bytes, commands: Commands, reply: bytes, decided: Outcome | None
        ) -> None:
            access = self.access(commands)
            steps.append(
                Step(
                    seat.number,
                    tuple(map(shown_command, commands)),
                    tuple(map(shown_reply, parse(reply))),
                    access.reads,
                    access.writes,
                    self.snapshot().shown(self.instant // 1000),
                    decided,
                )
            )

        answers = self._play(choose, note)
        return Run(tuple(steps), answers)

    def snapshot(self) -> Snapshot:
        """All keys as they are now."""
        return Snapshot(self.send(ASK, 1))

    def access(self, commands: Commands) -> Access:
        """What the server says of these commands: whether they read or write keys."""
        told = [self._access(words[0].decode("ascii", "replace").upper()) for words in commands]
        return Access(any(one.reads for one in told), any(one.writes for one in told))

    def close(self) -> None:
        for seat in self._seats:
            seat.close()
        self._control.connection_pool.disconnect()

    def _act(self, seat: Seat) -> None:
        self._acting = seat
        self._turns += 1
        if self.cast.offsets and self.travel is not None:
            self.travel(seat.clock())

    def _access(self, name: str) -> Access:
        if name not in self._accesses:
            self._accesses[name] = flags_of(name, self.send)
        return self._accesses[name]

    def _play(self, choose: Choose, note: Note) -> Answers:
        self.send(CLEAR, 1)
        seats = self._seats
        try:
            for seat in seats:
                self.begin(seat)
            enabled = [seat.number for seat in seats if seat.packets]
            while enabled and (chosen := choose(enabled)) is not None:
                seat = seats[chosen]
                packet, commands, answered = seat.packets[0], seat.commands[0], len(seat.answers)
                reply = self._step(seat)
                decided = seat.answers[answered] if len(seat.answers) > answered else None
                note(seat, packet, commands, reply, decided)
                if not seat.packets:
                    enabled.remove(chosen)
            return tuple(tuple(seat.answers) for seat in seats)
        finally:
            for seat in seats:
                self._acting = seat
                seat.leave()

    def _step(self, seat: Seat) -> bytes:
        assert seat.wire is not None
        reply, _ = exchange(seat.wire.real, seat.packets[0], len(seat.commands[0]))
        self.resume(seat, reply)
        return reply


def _no_command(_wire: Wire, _packet: bytes, _commands: object) -> bytes:
    raise RefusedError("the world's own connection is used by somebody else")


def _raise_refusal(seat: Seat) -> None:
    if seat.refused:
        raise RefusedError(seat.refused)


@contextmanager
def open_world(
    cast: Cast, *, program: Path | None = None, environ: Mapping[str, str] | None = None
) -> Iterator[World]:
    """A world on a server of its own, which ends with the `with`.

    Raises ServerError without a server or without libfaketime; RefusedError when the limiter
    cannot be simulated.
    """
    if cast.target.is_async:
        raise RefusedError("it is async def, which is not simulated yet")
    with (
        virtual_server(
            program, arguments=("--rdbcompression", "no"), environ=environ, moving=False
        ) as virtual,
        world_on(virtual.server, cast) as world,
    ):
        yield world


@contextmanager
def world_on(server: Server, cast: Cast) -> Iterator[World]:
    """A world on a virtual server that runs already; it is emptied."""
    path = server.url.removeprefix("unix://")
    world = World(cast, server, path)
    try:
        world.send(LOAD, 2)
        with (
            sandbox(world.clock, world.urandom) as world.travel,
            watchdog(world.turns, world.inside),
        ):
            world.rehearse()
            yield world
    finally:
        world.close()
