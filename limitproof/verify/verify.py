"""Examining one limiter with every check, in child processes that can be ended.

A limiter may hang, exit, fork or flood: whatever it does to its process, the checks that are left
go on in another, and the one that it spoilt is unknown and says so.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import reduce
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pickle import UnpicklingError

from limitproof.errors import guess
from limitproof.servers.directory import sweep
from limitproof.servers.errors import ServerError
from limitproof.simulate.unstoppable import UNSTOPPABLE
from limitproof.verify.laboratory import Examined, unknown
from limitproof.verify.merging import combined
from limitproof.verify.offspring import end_group
from limitproof.verify.units import UNITS, Unit, named
from limitproof.verify.worker import Begun, Brief, Done, Failed, Opened, Said, Started, work

STARTING = 30.0  # seconds that a child may take to import what is ours
GRACE = 4.0  # seconds beyond its time for a check, and for all: who is stuck ends after 1.5 to 3.5
LEAVING = 1.0  # seconds for a child that is done to end its server and to go
RESTARTS = 3  # children that a limiter may spoil before the rest is given up
GLANCE = 0.2  # seconds until it is seen that somebody wants to stop
STUCK = "the limiter computes without end, and cannot be stopped: its process was ended"
FIRST = "contract"  # who does not survive plain requests is asked nothing else


@dataclass(frozen=True, slots=True)
class Progress:
    """A check begins."""

    name: str


@dataclass(frozen=True, slots=True)
class Judged:
    """A check is done; where two ways examined it, this is what both say together so far."""

    name: str
    examined: Examined


@dataclass(frozen=True, slots=True)
class Server:
    """The server's name and version are known."""

    meta: dict[str, str]


Event = Progress | Judged | Server


class BriefError(Exception):
    """The limiter cannot be examined at all; the message is one line."""


class WorkerError(Exception):
    """An error of ours in a child; the message is its traceback."""


def verify(
    brief: Brief,
    names: Collection[str],
    seconds: float,
    *,
    processes: int = 2,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Event]:
    """Examine a limiter for about so many seconds; yields what happens, check by check.

    stop: looked at now and then; when it is true, what is left is not examined and not told.
    The time runs from when the children are up. Raises BriefError when the target cannot be used,
    ServerError when there is no server or it dies.
    """
    chosen = [unit for unit in UNITS if set(unit.names) & set(names)]
    shares = _shares(chosen, min(processes, len(chosen)))
    known: dict[str, dict[int, Examined]] = {name: {} for name in names}
    with ExitStack() as stack:
        crews = [_Crew(brief, share, set(names), seconds, stack) for share in shares]
        while open_crews := [crew for crew in crews if not crew.over]:
            deadline = min(crew.deadline for crew in open_crews)
            left = max(0.0, deadline - time.monotonic())
            wait([one for crew in open_crews for one in crew.signs], timeout=min(left, GLANCE))
            if stop():
                return
            events = [event for crew in open_crews for event in crew.advance()]
            for why in filter(None, (crew.hopeless for crew in crews)):
                events += [found for crew in crews for found in crew.give_up(why)]
            for event in events:
                if not isinstance(event, _Found):
                    yield event
                    continue
                # In the order of the units, not of their ends: that depends on the machine.
                known[event.name][event.unit] = event.examined
                by_unit = [one for _, one in sorted(known[event.name].items())]
                yield Judged(event.name, reduce(combined, by_unit))


def _shares(units: Sequence[Unit], parts: int) -> list[list[Unit]]:
    """The units by turns of their length, so that all parts take about as long."""
    shares: list[list[Unit]] = [[] for _ in range(parts)]
    for unit in sorted(units, key=lambda one: -one.share):
        min(shares, key=lambda share: sum(one.share for one in share)).append(unit)
    # The quick ones first: a table that fills soon.
    return [sorted(share, key=lambda one: (one.share, one.least)) for share in shares]


@dataclass(frozen=True, slots=True)
class _Found:
    """What one unit says of a check."""

    unit: int
    name: str
    examined: Examined


@dataclass(slots=True)
class _Crew:
    """One child after the other, until all units of a share are done.

    hopeless: why nobody need go on, "" while somebody may.
    """

    brief: Brief
    units: list[Unit]
    names: set[str]
    seconds: float
    stack: ExitStack
    deadline: float = 0.0
    over: bool = False
    hopeless: str = ""
    pipe: Connection = field(init=False)
    _child: BaseProcess = field(init=False)
    _open: Unit | None = None
    _started: bool = False
    _importing: bool = False
    _opened: bool = False
    _restarts: int = 0
    _end_of_time: float | None = None

    def __post_init__(self) -> None:
        self._start()
        self.stack.callback(self._end)

    @property
    def signs(self) -> tuple[Connection, int]:
        """What tells of the child: its words, and its end, which a forked child may survive."""
        return self.pipe, self._child.sentinel

    def advance(self) -> list[Progress | Server | _Found]:
        """What the child has said by now; a child that is stuck or gone is replaced."""
        events: list[Progress | Server | _Found] = []
        if self.over:
            return events
        child, gone = self._child, not self._child.is_alive()  # before its last words are read
        try:
            while not (self.over or self.hopeless) and self.pipe.poll():
                events += self._heard(self.pipe.recv())
        except (EOFError, OSError, UnpicklingError):
            gone = True
        if not self.units or self.hopeless or self._child is not child:
            return events  # another has been started by now
        if gone and not self._started:
            raise WorkerError("the process in which limiters are examined does not start")
        if gone:
            self._child.join()
            stuck = self._child.exitcode == UNSTOPPABLE
            return events + self._spoilt(STUCK if stuck else "the limiter ended its process")
        if time.monotonic() >= self.deadline:
            return events + self._spoilt(self._too_late())
        return events

    def give_up(self, why: str) -> list[_Found]:
        """End the child; what it has not done is unknown."""
        if self.over:
            return []
        self._end()
        self.over = True
        return self._unknown(self.units, why)

    def _heard(self, said: Said) -> list[Progress | Server | _Found]:
        now = time.monotonic()
        match said:
            case Started():
                self._started = True
                self._end_of_time = self._end_of_time or now + self.seconds
                self.deadline, self._importing = max(self._end_of_time, now + GRACE), True
            case Opened(meta):
                self._importing, self._opened = False, True
                return [Server(meta)]
            case Begun(unit, seconds):
                self._open = UNITS[unit]
                assert self._end_of_time is not None
                self.deadline = min(now + seconds, self._end_of_time) + GRACE
                return [Progress(name) for name in self._open.names if name in self.names]
            case Done(unit, found):
                self.units = [one for one in self.units if one is not UNITS[unit]]
                self._open = None
                self.over = not self.units
                if self.over:
                    self._end()
                return [_Found(unit, n, one) for n, one in found.items() if n in self.names]
            case Failed(line, "target") if not self._opened:
                raise BriefError(line)
            case Failed(line, "environment"):
                raise ServerError(line, "see limitproof doctor")
            case Failed(line, "internal"):
                raise WorkerError(line)
            case Failed(line):
                return self._spoilt(line)
        return []

    def _spoilt(self, why: str) -> list[Progress | Server | _Found]:
        """The check that was under way is unknown; what is left goes on in another child."""
        self._end()
        spoilt = [self._open] if self._open is not None else self.units
        self.units = [one for one in self.units if one not in spoilt]
        self._restarts += 1
        none_left = self._end_of_time is not None and time.monotonic() >= self._end_of_time
        if self._open is None or FIRST in self._open.names:
            self.hopeless = why
        elif self._restarts > RESTARTS or none_left:
            spoilt, self.units = [*spoilt, *self.units], []
        self._open = None
        self.over = not self.units
        if not self.over and not self.hopeless:
            self._start()
        return [*self._unknown(spoilt, why)]

    def _too_late(self) -> str:
        if self._importing:
            return f"importing the limiter takes more than {self.seconds:g} s"
        if self._open is None:
            return "the process in which the limiter is asked does not start"
        slow = "the limiter hangs, or answers too slowly for a story of this quota to end"
        return f"{slow}: it was ended, raise --budget"

    def _unknown(self, units: Sequence[Unit], why: str) -> list[_Found]:
        return [
            _Found(UNITS.index(unit), name, unknown(name, why))
            for unit in units
            for name in unit.names
            if name in self.names
        ]

    def _start(self) -> None:
        now = time.monotonic()
        ours, theirs = multiprocessing.get_context("spawn").Pipe()
        left = self.seconds if self._end_of_time is None else self._end_of_time - now
        child = multiprocessing.get_context("spawn").Process(
            target=work,
            args=(
                self.brief, [UNITS.index(one) for one in self.units], sorted(self.names),
                left, theirs, os.getpid(),
            ),
            name="limitproof verify",
        )  # fmt: skip
        self._started = False
        child.start()
        theirs.close()
        self.pipe, self._child = ours, child
        self.deadline = now + STARTING

    def _end(self) -> None:
        """End the child and all that it has started; one that is done has a moment to go."""
        if self.pipe.closed:
            return
        if self.over:
            wait([self._child.sentinel], LEAVING)
        pid = self._child.pid
        if pid is not None:
            end_group(pid)
        self._child.kill()
        self._child.join()
        self.pipe.close()
        if self._child.exitcode:
            sweep()  # the directories of its servers, which it could not remove


def resolved(names: Sequence[str], skip: Sequence[str]) -> list[str]:
    """The checks to make, in their order. Raises ValueError for a name that no check has."""
    known = named()
    for one in (*names, *skip):
        if one not in known:
            every = f"{guess(one, known)}there are {', '.join(known)}"
            raise ValueError(f"no such check: {one!r}; {every}")
    return [name for name in known if (not names or name in names) and name not in skip]
