"""One deterministic run: the choices that make it, and what came of it.

Plain data, known to engines, checks, reports and files alike.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from limiters.contract import Quota
from limitproof.history.outcome import Outcome
from limitproof.promises import parse_promise

SCHEMA = 1
Granularity = Literal["packet", "command"]
Answers = tuple[tuple[Outcome, ...], ...]
"""What each client was told, in the order of its requests."""
Spans = tuple[tuple[tuple[int, int], ...], ...]
"""For each client, when its requests began and ended, in microseconds since the epoch."""
SHOWN = ("overshoot", "false-rejection", "contract", "linearizable")
"""The checks that fail on a single run."""
LONGEST = 10**15
"""The furthest that one choice moves a clock: some 30 years, in microseconds."""


def letter(client: int) -> str:
    """What a client is called: A, B, … Z, then C26, C27, …"""
    return chr(ord("A") + client) if client < 26 else f"C{client}"


class ScheduleError(ValueError):
    """A file that is no schedule of ours; the message is one line."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a run, as a person reads it.

    client: who took it, from 0, or -1 where the clock moved; commands and replies: one text each;
    reads and writes: what the server says these commands do to keys; state: the keys after it;
    answered: what the client's limiter decided when it had the reply, None when it went on.
    moved: how far the clock moved on, in microseconds, with no client taking part; at: the time
    since the run began, in microseconds, when the step was over; gone: the keys that the time which
    passed in it took away.
    """

    client: int
    commands: tuple[str, ...]
    replies: tuple[str, ...]
    reads: bool
    writes: bool
    state: str
    answered: Outcome | None = None
    moved: int = 0
    at: int = 0
    gone: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """All steps of one run in the server's order, and what every client was told.

    spans: when each client's requests began and ended; errors: what a limiter raised, first to
    last client.
    """

    steps: tuple[Step, ...]
    answers: Answers
    spans: Spans = ()
    errors: tuple[str, ...] = ()

    @property
    def choices(self) -> tuple[int, ...]:
        """The client of each step; −d where the clock moved on by d microseconds."""
        return tuple(-step.moved if step.moved else step.client for step in self.steps)

    @property
    def clients(self) -> list[int]:
        """Those who took a step."""
        return sorted({step.client for step in self.steps if not step.moved})

    @property
    def switches(self) -> int:
        """How often another client went on than the one before."""
        return switches(self.choices)


def switches(choices: Sequence[int]) -> int:
    """How often another client went on than the one before, whatever the clock did meanwhile."""
    return sum(one != other for one, other in pairwise(one for one in choices if one >= 0))


@dataclass(frozen=True, slots=True)
class Schedule:
    """What a run is made of: it replays to the same result on any machine.

    window in seconds; choices: the client of each step, or −d where the clock moves on by d
    microseconds; shows: the check that fails on it;
    commands: what the steps sent when it was found, so that a replay against a changed limiter
    can say where they part; offsets: by how many microseconds each client's clock is off; promise:
    what it is judged by, as `--promise` takes it, "" for what the limiter declares.
    """

    target: str
    limit: int
    window: float
    clients: int
    requests: int
    seed: int
    granularity: Granularity
    choices: tuple[int, ...]
    shows: str = "overshoot"
    commands: tuple[tuple[str, ...], ...] = ()
    offsets: tuple[int, ...] = ()
    promise: str = ""

    @property
    def token(self) -> str:
        """A short name: the beginning of a hash of everything that decides the run."""
        said = self.to_json()
        del said["commands"]
        if not self.promise:  # a name does not change because more can be said now
            del said["promise"]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:8]

    def to_json(self) -> dict[str, Any]:
        """Plain types only; `from_json` undoes it."""
        return {"schema": SCHEMA, **json.loads(json.dumps(asdict(self)))}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Schedule:
        """Raises ScheduleError when a field is missing, unknown or of a wrong value."""
        try:
            said = dict(data)
            if (schema := said.pop("schema")) != SCHEMA:
                raise ScheduleError(f"schema {schema!r} is not known here, only {SCHEMA}")
            said["choices"] = tuple(int(choice) for choice in said["choices"])
            said["commands"] = tuple(tuple(map(str, step)) for step in said.get("commands", ()))
            said["offsets"] = tuple(int(offset) for offset in said.get("offsets", ()))
            schedule = cls(**said)
            _check(schedule)
        except ScheduleError:
            raise
        except (KeyError, TypeError, ValueError) as error:
            raise ScheduleError(f"this is no schedule: {error!r}") from error
        return schedule


def portable(target: str) -> str:
    """A target as it is kept: a file below this folder by its path from here.

    So it is the same, and has the same token, in another checkout of the same project.
    """
    where, colon, factory = target.rpartition(":")
    path = Path(where)
    if not path.is_absolute() or not path.is_relative_to(Path.cwd()):
        return target
    return f"{path.relative_to(Path.cwd())}{colon}{factory}"


def _check(schedule: Schedule) -> None:
    if not isinstance(schedule.target, str):
        raise ScheduleError(f"target must be a text, not {schedule.target!r}")
    for name in ("clients", "requests"):
        value = getattr(schedule, name)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ScheduleError(f"{name} must be a whole number of at least 1, not {value!r}")
    quota = Quota(schedule.limit, schedule.window)  # raises ValueError
    if not isinstance(schedule.promise, str):
        raise ScheduleError(f"promise must be a text, not {schedule.promise!r}")
    if schedule.promise:
        parse_promise(schedule.promise, quota)  # raises ValueError
    if schedule.granularity not in ("packet", "command"):
        raise ScheduleError(f"granularity {schedule.granularity!r} is neither packet nor command")
    if not all(-LONGEST <= choice < schedule.clients for choice in schedule.choices):
        raise ScheduleError("a choice names a client that is not there")
    if schedule.shows not in SHOWN:
        raise ScheduleError(f"check {schedule.shows!r} is none of {', '.join(SHOWN)}")
    if schedule.offsets and len(schedule.offsets) != schedule.clients:
        raise ScheduleError("there must be as many offsets as clients, or none")
