"""Tales written down by hand, event by event, for the judges of directed stories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from limiters.contract import Decision
from limitproof.history.outcome import Outcome
from limitproof.stories import (
    Again,
    Ask,
    Event,
    Finish,
    Go,
    Happening,
    KeyState,
    Look,
    Operation,
    Sight,
    Story,
    Tale,
    Touched,
    Wait,
)

START = 1_700_000_000_000_000
MS = 1_000
OUTCOMES = {
    "A": Outcome.ADMITTED,
    "R": Outcome.REJECTED,
    "E": Outcome.ERROR,
    "U": Outcome.UNKNOWN,
}
Stored = Mapping[str, tuple[int | None, int, int]]
"""Keys by name: what is left of the TTL in ms (None: no TTL), elements, bytes."""


class Telling:
    """Writes a tale and its story."""

    def __init__(self, limit: int = 2, window: float = 1.0, kind: str = "sliding") -> None:
        self._limit, self._window, self._kind = limit, window, kind
        self._events: list[Event] = []
        self._operations: list[Operation] = []
        self._sights: list[Sight] = []
        self._happenings: list[Happening] = []
        self._act, self._now = 0, START

    def asks(
        self, answers: str, *, key: str = "k", client: int = 1, left: int | None = None
    ) -> None:
        """A request for each letter, a millisecond apart: Admitted, Refused, Error, Unanswered."""
        for letter in answers:
            self.ask(letter, key=key, client=client, left=left)
            self.wait(MS)

    def ask(
        self,
        letter: str,
        *,
        key: str = "k",
        client: int = 1,
        left: int | None = None,
        error: str = "oh",
    ) -> None:
        outcome = OUTCOMES[letter]
        decided = outcome in (Outcome.ADMITTED, Outcome.REJECTED)
        self._operations.append(
            Operation(
                client, key, None, self._now,
                None if letter == "U" else self._now, outcome,
                Decision(letter == "A", left) if decided else None,
                error if letter == "E" else "", self._act, len(self._events),
            )
        )  # fmt: skip
        self._events += [Ask(client, key), Finish(client)]

    def falls(self, fault: Any, steps: int = 1, *, letter: str = "U") -> None:
        """A request of the fault's client, which befalls it after so many steps."""
        self.ask(letter, client=fault.client)
        self._events.pop()
        self._events += [*(Go(fault.client) for _ in range(steps)), fault]

    def do(self, event: Event) -> None:
        self._events.append(event)

    def wait(self, microseconds: int) -> None:
        self._events.append(Wait(microseconds))
        self._now += microseconds

    def look(self, stored: Stored, *, digest: str = "") -> None:
        keys = tuple(
            KeyState(
                name.encode(),
                "string",
                -1 if ttl is None else self._now // MS + ttl,
                elements,
                size,
                digest,
            )
            for name, (ttl, elements, size) in sorted(stored.items())
        )
        self._sights.append(Sight(self._now, keys, self._act, len(self._events)))
        self._events.append(Look())

    def again(self) -> None:
        self._events.append(Again())
        self._act, self._now = self._act + 1, START

    def sent(self, *commands: str, keys: Sequence[str] = ()) -> None:
        """What was sent in one step, where these are keys; a script touches all of them.

        What begins with MULTI and ends with EXEC is done as one.
        """
        raw = tuple(tuple(word.encode() for word in command.split()) for command in commands)
        known = tuple(key.encode() for key in keys)
        done = tuple(
            Touched("EVALSHA", words[3 : 3 + int(words[2])], known)
            if words[0] == b"EVALSHA"
            else Touched(words[0].decode(), tuple(word for word in words if word in known))
            for words in raw
            if words[0] not in (b"MULTI", b"EXEC")
        )
        as_one = (done,) if raw[0][0] == b"MULTI" else tuple((one,) for one in done)
        self._happenings.append(Happening(Go(0), self._now, raw=raw, touched=as_one))

    def judged(self, judge: Any) -> str:
        """What a judge says of it."""
        promise = {"kind": self._kind, "limit": self._limit, "window": self._window}
        story = Story("x", self._limit, self._window, promise, 0, tuple(self._events), "x")
        tale = Tale(tuple(self._operations), tuple(self._sights), tuple(self._happenings))
        said: str = judge(tale, story)
        return said
