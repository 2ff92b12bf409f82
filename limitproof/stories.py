"""A story: what is done to a limiter, event by event, and what came of it.

Plain data, known to engines, checks, reports and files alike. A story replays: the same events
on the same limiter give the same tale.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from limiters.contract import Decision, Quota
from limitproof.history.outcome import Outcome
from limitproof.schedules import LONGEST, Granularity, ScheduleError

SCHEMA = 1
KIND = "story"
MOST_CLIENTS = 64  # more than any story that is told here


@dataclass(frozen=True, slots=True)
class Ask:
    """A client asks for `cost` requests (None: without saying a cost); it has sent nothing yet.

    A client that asks for the first time, or for the first time after it died, is made anew.
    """

    client: int
    key: str = "k"
    cost: int | None = None


@dataclass(frozen=True, slots=True)
class Go:
    """The client takes one step: its command is answered, or its sleep is over."""

    client: int


@dataclass(frozen=True, slots=True)
class Finish:
    """The client goes on alone until its request is over."""

    client: int


@dataclass(frozen=True, slots=True)
class Wait:
    """The clock of the server and of all clients moves on by so many microseconds."""

    microseconds: int


@dataclass(frozen=True, slots=True)
class Kill:
    """The client dies where it stands."""

    client: int


@dataclass(frozen=True, slots=True)
class Lose:
    """The server does what the client has sent, and the reply is lost: the connection breaks."""

    client: int


@dataclass(frozen=True, slots=True)
class Drop:
    """What the client has sent is lost before the server has it: the connection breaks."""

    client: int


@dataclass(frozen=True, slots=True)
class Forget:
    """SCRIPT FLUSH: the server forgets all scripts."""


@dataclass(frozen=True, slots=True)
class Skew:
    """The client's clock is off by so many microseconds from now on."""

    client: int
    microseconds: int


@dataclass(frozen=True, slots=True)
class Look:
    """All keys are looked at, with their time to live and their memory."""


@dataclass(frozen=True, slots=True)
class Again:
    """Everything from the beginning: an empty server, new clients, the first instant.

    What comes after it is another act of the same story, to be compared with the one before.
    """


Event = Ask | Go | Finish | Wait | Kill | Lose | Drop | Forget | Skew | Look | Again
EVENTS: Mapping[str, type] = {
    one.__name__.lower(): one
    for one in (Ask, Go, Finish, Wait, Kill, Lose, Drop, Forget, Skew, Look, Again)
}


@dataclass(frozen=True, slots=True)
class Story:
    """All that decides what happens: who is asked, by what promise, and every event.

    shows: the check that fails in it. promise: as a history keeps it (see promises.describe).
    """

    target: str
    limit: int
    window: float
    promise: Mapping[str, Any]
    seed: int
    events: tuple[Event, ...]
    shows: str
    granularity: Granularity = "packet"

    @property
    def token(self) -> str:
        """A short name: the beginning of a hash of everything that decides the tale."""
        text = json.dumps(self.to_json(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    @property
    def clients(self) -> int:
        """How many clients take part."""
        return 1 + max((one.client for one in self.events if hasattr(one, "client")), default=0)

    def to_json(self) -> dict[str, Any]:
        """Plain types only; `from_json` undoes it."""
        said: dict[str, Any] = {"schema": SCHEMA, "kind": KIND}
        said |= {one.name: getattr(self, one.name) for one in fields(self)}
        said["promise"] = dict(self.promise)
        said["events"] = [{"do": type(one).__name__.lower(), **asdict(one)} for one in self.events]
        return said

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Story:
        """Raises ScheduleError when a field is missing, unknown or of a wrong value."""
        try:
            said = dict(data)
            if (said.pop("schema"), said.pop("kind")) != (SCHEMA, KIND):
                raise ScheduleError(f"this is no story of schema {SCHEMA}")
            said["events"] = tuple(_event(one) for one in said["events"])
            story = cls(**said)
            _check(story)
        except ScheduleError:
            raise
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ScheduleError(f"this is no story: {error!r}") from error
        return story


@dataclass(frozen=True, slots=True)
class Operation:
    """One request as it went: instants in microseconds since the epoch.

    ended is None when nobody was told of its end (the client died). act counts from 0 and grows
    with each `Again`. place is the number of the event with which it began, over that of the one
    with which it ended: two requests of one instant are told apart by them. lost: how many of its
    replies were lost, each of something that the server has done.
    """

    client: int
    key: str
    cost: int | None
    begun: int
    ended: int | None
    outcome: Outcome
    decision: Decision | None = None
    error: str = ""
    act: int = 0
    place: int = 0
    over: int | None = None
    lost: int = 0

    @property
    def weight(self) -> int:
        """How many requests it asks for."""
        return 1 if self.cost is None else self.cost


@dataclass(frozen=True, slots=True)
class KeyState:
    """One key: ends in ms since the epoch, -1 never; elements is 1 for a string.

    bytes: of MEMORY USAGE, without what Redis keeps in reserve behind a string that grew. digest:
    of its content.
    """

    name: bytes
    kind: str
    ends: int
    elements: int
    bytes: int
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Sight:
    """All keys at one instant (µs since the epoch), sorted by name."""

    instant: int
    keys: tuple[KeyState, ...]
    act: int = 0
    place: int = 0


@dataclass(frozen=True, slots=True)
class Touched:
    """A command that the server did, and its keys, sorted.

    command: its name. named: by its words, of a script those in KEYS. inside: touched by its
    script; those that come to light in the script's own commands.
    """

    command: str
    named: tuple[bytes, ...]
    inside: tuple[bytes, ...] = ()


AsOne = tuple[Touched, ...]
"""What a server did as one: one command, or all of a transaction, without its MULTI and EXEC."""


@dataclass(frozen=True, slots=True)
class Happening:
    """One event as it went, for a person: what was sent and answered in it, in order.

    exchanges: (commands, replies) a step, each a text; state: the keys after it, "" when nobody
    looked; answered: what the limiter decided, None when it did not; raw: the commands as sent;
    touched: what the server did in it, which is not what was sent: what waits for an EXEC is done
    with it, perhaps events later, and what is rejected is not done. place: the number of the event.
    """

    event: Event
    instant: int
    exchanges: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = ()
    state: str = ""
    answered: Operation | None = None
    raw: tuple[tuple[bytes, ...], ...] = ()
    touched: tuple[AsOne, ...] = ()
    place: int = 0


@dataclass(frozen=True, slots=True)
class Tale:
    """What came of a story: all requests in the order in which they began, all sights, all steps.

    fresh_keys: keys that the limiter touched but that are not its own are not known here; see
    the checks.
    """

    operations: tuple[Operation, ...]
    sights: tuple[Sight, ...] = ()
    happenings: tuple[Happening, ...] = ()

    def act(self, number: int) -> Tale:
        """One act alone."""
        return Tale(
            tuple(one for one in self.operations if one.act == number),
            tuple(one for one in self.sights if one.act == number),
        )


def is_story(data: object) -> bool:
    """Whether the data of a file are a story's, and not a schedule's."""
    return isinstance(data, Mapping) and data.get("kind") == KIND


def _event(data: Mapping[str, Any]) -> Event:
    said = dict(data)
    kind = EVENTS.get(said.pop("do"))
    if kind is None:
        raise ScheduleError(f"an event {data['do']!r} is not known; there are {sorted(EVENTS)}")
    event: Event = kind(**said)
    for one in fields(event):
        value = getattr(event, one.name)
        if one.name in ("client", "microseconds") and not _whole(value):
            raise ScheduleError(f"{one.name} of {data['do']!r} must be a whole number: {value!r}")
        if one.name == "microseconds" and abs(value) > LONGEST:
            raise ScheduleError(f"{value!r} µs of {data['do']!r} is more than thirty years")
    if not 0 <= getattr(event, "client", 0) < MOST_CLIENTS:
        raise ScheduleError(f"{data!r}: there are clients 0 to {MOST_CLIENTS - 1}")
    if isinstance(event, Wait) and event.microseconds < 0:
        raise ScheduleError(f"{data!r} has a number below 0")
    if isinstance(event, Ask) and not (
        isinstance(event.key, str) and (event.cost is None or _whole(event.cost))
    ):
        raise ScheduleError(f"{data!r}: a key is a text, and a cost a whole number or null")
    return event


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _check(story: Story) -> None:
    """Raises ScheduleError for what no story can be, whatever limiter it is played on."""
    for name in ("target", "shows"):
        if not isinstance(getattr(story, name), str):
            raise ScheduleError(f"{name} must be a text, not {getattr(story, name)!r}")
    if not _whole(story.seed):
        raise ScheduleError(f"seed must be a whole number, not {story.seed!r}")
    if not isinstance(story.promise, Mapping):
        raise ScheduleError(f"promise must be a mapping, not {story.promise!r}")
    if story.granularity not in ("packet", "command"):
        raise ScheduleError(f"granularity {story.granularity!r} is neither packet nor command")
    Quota(story.limit, story.window)  # raises ValueError
    waited = sum(one.microseconds for one in story.events if isinstance(one, Wait))
    if story.window * 1_000_000 > LONGEST or waited > LONGEST:
        raise ScheduleError("it takes more than thirty years")
    asked: set[int] = set()
    for number, event in enumerate(story.events, 1):
        match event:
            case Ask(client):
                asked.add(client)
            case Kill(client):
                asked.discard(client)
            case Again():
                asked.clear()
            case Go(client) | Finish(client) | Lose(client) | Drop(client):
                if client not in asked:
                    raise ScheduleError(
                        f"event {number}: client {client} goes on and has not asked for anything"
                    )
