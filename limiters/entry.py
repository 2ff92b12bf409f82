"""What is known about a registered limiter, and the defects that several of them share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["family", "specimen", "option", "other"]
Cause = Literal["algorithm", "race", "fault"]
Check = (
    Literal["overshoot", "false-rejection", "contamination", "remaining", "retry-after"]
    | Literal["isolation", "weights", "linearizable", "memory", "expiry", "crash", "lost-reply"]
    | Literal["script-flush", "restart", "clock-skew", "outage", "cluster"]
)
COMPARISON = "https://github.com/shaileshjgd/FrontierModelEvals"
"""Eight language models, each asked for a sliding-window rate limiter (April 2026)."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One registered limiter.

    `family` is the family it is a variant of, its own name for a family, None when it stands
    alone. `factory` is 'package.module:factory'. `summary` says in one line what goes wrong.
    `source` is the file in `reference` whose commands are rebuilt here. `fails` names every check
    that a complete suite fails, each with the simplest cause that shows it. What is not rebuilt
    from somebody's code has no `reference`, and the literature as its `source`. `slow` names the
    races among them that need a key to end meanwhile, which no schedule of one instant shows.
    """

    name: str
    family: str | None
    factory: str
    written_by: str
    summary: str
    source: str
    fails: Mapping[Check, Cause] = field(hash=False)
    kind: Kind = "specimen"
    reference: str = COMPARISON
    slow: frozenset[Check] = frozenset()


def failing(
    *,
    algorithm: tuple[Check, ...] = (),
    race: tuple[Check, ...] = (),
    fault: tuple[Check, ...] = (),
) -> Mapping[Check, Cause]:
    """The checks that fail, by cause; a check with several causes keeps the simplest."""
    fails: dict[Check, Cause] = {}
    by_cause: tuple[tuple[Cause, tuple[Check, ...]], ...] = (
        ("algorithm", algorithm),
        ("race", race),
        ("fault", fault),
    )
    for cause, checks in by_cause:
        for check in checks:
            fails.setdefault(check, cause)
    return fails


# One defect fails several checks, always the same ones. A limiter that admits too many and tells
# the wait from what it kept fails retry-after too: the oldest entry is not the one that must leave.
# algorithm: refused requests count, so later ones are refused, told too little, and stored.
STORES_REFUSED: tuple[Check, ...] = ("false-rejection", "contamination", "remaining", "memory")
# algorithm: two requests in one millisecond are one member.
EQUAL_INSTANTS: tuple[Check, ...] = ("overshoot", "remaining")
# algorithm: every request starts the time to live anew, so the window never ends.
REFRESHED: tuple[Check, ...] = ("false-rejection", "contamination", "remaining", "expiry")
# race: clients that count before either adds are all admitted.
COUNT_THEN_ADD: tuple[Check, ...] = ("overshoot", "remaining", "linearizable")
# race: a request that is about to be refused counts against another.
ADD_THEN_COUNT: tuple[Check, ...] = ("false-rejection", "linearizable")
# fault: a client that dies before it sets the expiry leaves a key for ever.
LATE_EXPIRY: tuple[Check, ...] = ("crash", "expiry")
# fault: the instants come from the clients.
CLIENT_CLOCK: tuple[Check, ...] = ("clock-skew",)
# fault: redis-py sends a command again whose reply was lost, and it counts again.
SENT_AGAIN: tuple[Check, ...] = ("lost-reply",)
