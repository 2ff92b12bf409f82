"""Where one limiter is examined: a world, its quota and promise, and how much time is left."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Protocol

from limiters.contract import Quota
from limiters.promise import FixedWindow, Promise, SlidingWindow, TokenBucket, promise_of
from limiters.registry import Target
from limitproof.check.verdict import CheckResult, Verdict
from limitproof.check.yardstick import Yardstick
from limitproof.promises import describe
from limitproof.schedules import Granularity, Run, Schedule, portable
from limitproof.servers.virtual import VirtualServer, virtual_server
from limitproof.simulate.bindings import Known
from limitproof.simulate.cast import Cast
from limitproof.simulate.opening import world_on
from limitproof.simulate.patched import refuse_patched
from limitproof.simulate.refusal import RefusedError
from limitproof.simulate.unstoppable import GiveUp, end_process
from limitproof.simulate.world import World
from limitproof.stories import Event, Story, Tale
from limitproof.verify.offspring import outlives
from limitproof.verify.player import Player, play

# A limiter that floods the server gets its own errors, and the machine keeps its memory.
SERVER = ("--rdbcompression", "no", "--maxmemory", "512mb")
MOST_ROOM = 1_000  # requests at once, in a story
MORE_TIME = "raise --budget (in pytest: --limitproof-budget)"  # where there was too little
LAST_BREATH = 0.3  # seconds: the sockets of a process that ends are closed before it has ended
COSTS = (2, 10)  # of each request, in stories that are played once more: a few, and many
CLIENTS = 6  # seats in a world; an examination uses as many as it needs


@dataclass(frozen=True, slots=True)
class Subject:
    """Who is examined, and by what it is judged.

    promise: None for the one that the factory declares; seed: of all random choices; max_skew: how
    far clients' clocks are apart where that is examined, in seconds.
    """

    target: Target
    quota: Quota
    promise: Promise | None = None
    seed: int = 0
    granularity: Granularity = "packet"
    max_skew: float = 0.05

    @property
    def promised(self) -> Promise:
        """What it is judged by. Raises TypeError or ValueError when what it declares is none."""
        return promise_of(self.target.factory, self.quota) if self.promise is None else self.promise


class Laboratory:
    """Plays stories on one limiter. Made by `open_laboratory`.

    program: the server's, None for the embedded one, for whoever needs a server of its own.
    give_up: called when the limiter cannot be stopped. apart: what a limiter answers whose state is
    in its process, in two of them; None before it was asked.
    """

    def __init__(
        self,
        subject: Subject,
        virtual: VirtualServer,
        seconds: float,
        program: Path | None = None,
        give_up: GiveUp = end_process,
    ) -> None:
        self.subject, self.program = subject, program
        self.quota = subject.quota
        self.promise = subject.promised
        self._virtual, self._give_up = virtual, give_up
        self._end = perf_counter() + seconds
        self.apart: Tale | None = None
        self._known = Known()

    @property
    def server(self) -> Mapping[str, str]:
        """Name and version of the server."""
        return self._virtual.server.meta

    def server_lives(self) -> bool:
        """Whether its server has not ended, and does not end just now."""
        pid = self._virtual.server.pid
        return pid is not None and outlives(pid, LAST_BREATH)

    @property
    def left(self) -> float:
        """Seconds of real time that are left, not below 0."""
        return max(0.0, self._end - perf_counter())

    def allow(self, seconds: float) -> None:
        """Let so many seconds be left from now on."""
        self._end = perf_counter() + seconds

    @property
    def window(self) -> int:
        """The window of the quota in microseconds, rounded up."""
        return -int(-round(self.quota.window * 1_000_000, 3) // 1)

    def player(self, world: World, *, shown: bool = False) -> Player:
        """Somebody to do events one by one, beginning on an empty server."""
        return Player(world, shown=shown)

    @contextmanager
    def world(
        self,
        *,
        quota: Quota | None = None,
        clients: int = CLIENTS,
        granularity: Granularity | None = None,
    ) -> Iterator[World]:
        """A world of this limiter, perhaps of another quota; only one at a time.

        Raises RefusedError when the limiter cannot be simulated, ServerError when the server dies.
        """
        subject = self.subject
        cast = Cast(
            subject.target, quota or subject.quota, clients, 1, subject.seed,
            granularity or subject.granularity,
        )  # fmt: skip
        with world_on(self._virtual, cast, give_up=self._give_up, known=self._known) as world:
            yield world

    @property
    def scales(self) -> bool:
        """Whether what is promised is known at other quotas; figures of its own hold for one."""
        given = self.subject.promise
        return given is None or scaled(given, self.quota, self.quota) is not None

    def promise_at(self, quota: Quota) -> Promise:
        """What is promised at another quota: by the factory, or in the kind given by hand."""
        given = self.subject.promise
        if quota == self.quota:
            return self.promise
        if given is None:
            return promise_of(self.subject.target.factory, quota)
        return scaled(given, self.quota, quota) or given

    def yardstick(self, quota: Quota) -> Yardstick:
        """What is promised at a quota."""
        return Yardstick.of(self.promise_at(quota))

    def room(self, quota: Quota, cost: int = 1) -> int:
        """How many requests of a cost pass at once, by the promise; 1 where none does.

        A bucket that fills up in ten windows has room for ten times the limit. Raises RefusedError
        where they are too many to ask for.
        """
        room = self.yardstick(quota).limit // cost
        if room > MOST_ROOM:
            raise RefusedError(f"it promises {room:,} at once, which are too many to ask for")
        return max(1, room)

    def small(self, *, least: int = 1, most: int = 5, window: float = 0.0) -> Quota:
        """A quota like the given one: what is shown with few requests needs no more.

        least: requests that pass at once; most: the largest limit, where these do; window: the
        shortest, in seconds. The given one itself where figures of its own hold for no other.
        """
        if not self.scales:
            return self.quota
        limit = max(least, min(self.quota.limit, most))
        quotas = (Quota(n, max(self.quota.window, window)) for n in range(limit, least * limit + 1))
        return next(
            (one for one in quotas if self.room(one) >= least),
            Quota(limit, max(self.quota.window, window)),
        )

    def story(
        self,
        events: Sequence[Event],
        shows: str,
        *,
        quota: Quota | None = None,
        granularity: Granularity | None = None,
    ) -> Story:
        """These events as a story that can be kept and replayed."""
        quota = quota or self.quota
        promise = self.promise_at(quota)
        return Story(
            portable(self.subject.target.spec), quota.limit, quota.window, describe(promise),
            self.subject.seed, tuple(events), shows, granularity or self.subject.granularity,
        )  # fmt: skip


def scaled(promise: Promise, quota: Quota, other: Quota) -> Promise | None:
    """A promise that is what its kind makes of one quota, at another; None when it is not."""
    for kind in (SlidingWindow, FixedWindow, TokenBucket):
        if promise == kind.of(quota):
            return kind.of(other)
    return None


@dataclass(frozen=True, slots=True)
class Examined:
    """One check of a limiter: the result and, where it fails, the shortest story that shows it.

    story: a story, or a schedule where all interleavings were looked through; tale: how that went,
    with all that a person wants to see.
    """

    result: CheckResult
    story: Story | Schedule | None = None
    tale: Tale | Run | None = None


def unknown(name: str, why: str) -> Examined:
    """A check that could not be made."""
    return Examined(CheckResult(name, Verdict.UNKNOWN, why, complete=False))


Judge = Callable[[Tale, Story], str]
"""Pure: why a tale breaks a promise, in one sentence; "" when it does not."""


class Check(Protocol):
    """One check: looks for a story in which it fails.

    `judge` says of any tale whether the check fails in it, so that a story replays without what
    found it.
    """

    @property
    def name(self) -> str: ...

    def examine(self, laboratory: Laboratory) -> Examined: ...

    def judge(self, tale: Tale, story: Story) -> str: ...


@contextmanager
def open_laboratory(
    subject: Subject, seconds: float, *, program: Path | None = None
) -> Iterator[Laboratory]:
    """A laboratory with a server of its own, for about so many seconds.

    Raises ServerError without a server or without libfaketime, RefusedError where no limiter can be
    simulated.
    """
    refuse_patched()
    with virtual_server(program, arguments=SERVER) as virtual:
        yield Laboratory(subject, virtual, seconds, program)


def shown(world: World, story: Story) -> Tale:
    """A story once more from an empty server, with all that a person wants to see."""
    return play(world, story.events, shown=True)
