"""Examining one limiter with every check, in child processes that can be ended.

A limiter may hang, exit, fork or flood: whatever it does to its process, the checks that are left
go on in another, and the one that it spoilt is unknown and says so.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from limitproof.check.verdict import CheckResult, Verdict
from limitproof.servers.errors import ServerError
from limitproof.verify.laboratory import Examined
from limitproof.verify.merging import combined
from limitproof.verify.units import UNITS, Unit, named
from limitproof.verify.worker import Begun, Brief, Done, Failed, Opened, Said, work

STARTING = 8.0  # seconds that a child may take to import and to start its server
GRACE = 6.0  # seconds that a check may take beyond its time: a stuck limiter is ended after 1.5 s
RESTARTS = 3  # children that a limiter may spoil before the rest is given up


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
    brief: Brief, names: Collection[str], seconds: float, *, processes: int = 2
) -> Iterator[Event]:
    """Examine a limiter for about so many seconds; yields what happens, check by check.

    Raises BriefError when the target cannot be used, ServerError when there is no server.
    """
    chosen = [unit for unit in UNITS if set(unit.names) & set(names)]
    shares = _shares(chosen, min(processes, len(chosen)))
    known: dict[str, Examined] = {}
    with ExitStack() as stack:
        crews = [_Crew(brief, share, set(names), seconds, stack) for share in shares]
        while open_crews := [crew for crew in crews if not crew.over]:
            deadline = min(crew.deadline for crew in open_crews)
            left = max(0.0, deadline - time.monotonic())
            wait([crew.pipe for crew in open_crews], timeout=left)
            for crew in open_crews:
                for event in crew.advance():
                    if isinstance(event, Judged):
                        before = known.get(event.name)
                        merged = combined(before, event.examined) if before else event.examined
                        known[event.name] = merged
                        yield Judged(event.name, merged)
                    else:
                        yield event


def _shares(units: Sequence[Unit], parts: int) -> list[list[Unit]]:
    """The units by turns of their length, so that all parts take about as long."""
    shares: list[list[Unit]] = [[] for _ in range(parts)]
    for unit in sorted(units, key=lambda one: -one.share):
        min(shares, key=lambda share: sum(one.share for one in share)).append(unit)
    # The quick ones first: a table that fills soon.
    return [sorted(share, key=lambda one: one.share) for share in shares]


@dataclass(slots=True)
class _Crew:
    """One child after the other, until all units of a share are done."""

    brief: Brief
    units: list[Unit]
    names: set[str]
    seconds: float
    stack: ExitStack
    deadline: float = 0.0
    over: bool = False
    pipe: Connection = field(init=False)
    _child: BaseProcess = field(init=False)
    _open: list[str] = field(default_factory=list)
    _restarts: int = 0
    _begun: float = 0.0

    def __post_init__(self) -> None:
        self._begun = time.monotonic()
        self._start()
        self.stack.callback(self._end)

    def advance(self) -> list[Event]:
        """What the child has said by now; a child that is stuck or gone is replaced."""
        events: list[Event] = []
        try:
            while self.pipe.poll():
                events += self._heard(self.pipe.recv())
                if self.over:
                    return events
        except EOFError:
            return events + self._spoilt("the limiter ended its process")
        if time.monotonic() >= self.deadline:
            return events + self._spoilt("the limiter hangs: it was ended")
        return events

    def _heard(self, said: Said) -> list[Event]:
        match said:
            case Opened(meta):
                return [Server(meta)]
            case Begun(unit, seconds):
                self._open = [n for n in UNITS[unit].names if n in self.names]
                self.deadline = time.monotonic() + seconds + GRACE
                return [Progress(name) for name in self._open]
            case Done(unit, found):
                self.units = [one for one in self.units if one is not UNITS[unit]]
                self._open = []
                self.over = not self.units
                if self.over:
                    self._end()
                return [Judged(n, one) for n, one in found.items() if n in self.names]
            case Failed(line, "target"):
                raise BriefError(line)
            case Failed(line, "environment"):
                raise ServerError(line, "see limitproof doctor")
            case Failed(line):
                raise WorkerError(line)

    def _spoilt(self, why: str) -> list[Event]:
        self._end()
        spoilt = self._open or [n for one in self.units for n in one.names if n in self.names]
        self.units = [one for one in self.units if not set(one.names) & set(self._open)]
        self._restarts += 1
        if not self._open or self._restarts > RESTARTS:  # it does not even begin
            spoilt += [n for u in self.units for n in u.names if n in self.names]
            self.units = []
        self._open = []
        self.over = not self.units
        if not self.over:
            self._start()
        return [Judged(name, unknown(name, why)) for name in dict.fromkeys(spoilt)]

    def _start(self) -> None:
        ours, theirs = multiprocessing.get_context("spawn").Pipe()
        spent = time.monotonic() - self._begun
        child = multiprocessing.get_context("spawn").Process(
            target=work,
            args=(
                self.brief, [UNITS.index(one) for one in self.units], sorted(self.names),
                max(self.seconds - spent, 0.2 * self.seconds), theirs, os.getpid(),
            ),
            name="limitproof verify",
        )  # fmt: skip
        child.start()
        theirs.close()
        self.pipe, self._child = ours, child
        self.deadline = time.monotonic() + STARTING + GRACE

    def _end(self) -> None:
        """End the child and all that it has started: it leads a process group of its own."""
        pid = self._child.pid
        if pid is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
            if self._child.is_alive():
                self._child.kill()
        self._child.join()
        self.pipe.close()


def unknown(name: str, why: str) -> Examined:
    """A check that could not be made."""
    return Examined(CheckResult(name, Verdict.UNKNOWN, why, complete=False))


def resolved(names: Sequence[str], skip: Sequence[str]) -> list[str]:
    """The checks to make, in their order. Raises ValueError for a name that no check has."""
    known = named()
    for one in (*names, *skip):
        if one not in known:
            raise ValueError(f"no such check: {one!r}; there are {', '.join(known)}")
    return [name for name in known if (not names or name in names) and name not in skip]
