"""What several judges of tales need: acts side by side, instants, and words for answers."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from limiters.promise import FixedWindow, Promise, SlidingWindow, TokenBucket
from limitproof.check.verdict import Cause
from limitproof.history.outcome import Outcome
from limitproof.stories import (
    Again,
    Ask,
    Drop,
    Finish,
    Forget,
    Go,
    Kill,
    Lose,
    Operation,
    Skew,
    Story,
    Tale,
)

FAULTS = (Drop, Forget, Kill, Lose, Skew)
TOLERANCE = 1_000  # µs: the resolution of a limiter's clock, as in check/yardstick.py
MILLISECOND = 1_000  # µs
SECOND = 1_000_000  # µs
LONGEST = 366 * 86_400 * SECOND  # µs: of limits of some per year, which are rare
LONGEST_NAME = 40  # characters of a key
LONGEST_ERROR = 80  # characters of what a limiter raises


def cause_of(story: Story) -> Cause:
    """What a story needs: a fault when there is one in it, a race when clients alternate."""
    if any(isinstance(one, FAULTS) for one in story.events):
        return Cause.FAULT
    steps = [one.client for one in story.events if isinstance(one, Go | Finish)]
    together = any(isinstance(one, Go) for one in story.events) and len(set(steps)) > 1
    return Cause.RACE if together else Cause.ALGORITHM


def promise_of_story(story: Story) -> Promise:
    """The promise that a story is judged by. Raises ValueError for a kind that is not known."""
    said: dict[str, Any] = dict(story.promise)
    match said.pop("kind", "sliding"):
        case "sliding":
            return SlidingWindow(**said)
        case "fixed":
            return FixedWindow(**said)
        case "token":
            return TokenBucket(**said)
        case kind:
            raise ValueError(f"unknown kind of promise {kind!r}; known: sliding, fixed, token")


def window_of(story: Story) -> int:
    """The window of the quota in microseconds, rounded up."""
    return math.ceil(round(story.window * SECOND, 3))


def patience(window: int) -> int:
    """How long after its last use a key may be kept: three windows and two seconds, in µs.

    A TTL of two windows is usual, one in whole seconds may be a second longer, and be set a second
    late.
    """
    return 3 * window + 2 * SECOND


def window_behind(kept: int) -> int:
    """The shortest window for which a key may be kept for so long, in µs: `patience` undone."""
    return max(kept - 2 * SECOND, 0) // 3


def acts(tale: Tale) -> list[Tale]:
    """The acts, in order."""
    numbers = {one.act for one in tale.operations} | {one.act for one in tale.sights}
    return [tale.act(number) for number in range(max(numbers, default=-1) + 1)]


def admitted(operations: Iterable[Operation]) -> int:
    """How many requests were admitted, by cost."""
    return sum(one.weight for one in operations if one.outcome is Outcome.ADMITTED)


def killed(operation: Operation) -> bool:
    """Whether its client died in it, or it was given up."""
    return operation.ended is None


def excess(operations: Sequence[Operation], promise: Promise) -> tuple[int, int] | None:
    """The first admission that breaks a promise, and where its interval begins; None when none.

    Both are positions in `operations`, which are in the order of their ends. Admissions at u <= v
    fall in a half-open interval a little longer than v - u; the tolerance is on top of that.
    """
    taken = [
        (place, one.ended, one.weight)
        for place, one in enumerate(operations)
        if one.outcome is Outcome.ADMITTED and one.ended is not None
    ]
    if isinstance(promise, TokenBucket) and _never_overflows(taken, promise):
        return None
    for last, (place, ended, _) in enumerate(taken):
        total = 0
        for first in range(last, -1, -1):
            begin, instant, weight = taken[first]
            total += weight
            if total > promise.alpha((ended - instant + TOLERANCE) / SECOND) + 1e-9:
                return begin, place
    return None


def _never_overflows(taken: Sequence[tuple[int, int, int]], bucket: TokenBucket) -> bool:
    """As `excess`, in one pass: of thousands of admissions, the pairs are too many to look at."""
    level, before = 0.0, 0
    for _, ended, weight in taken:
        level = max(0.0, level - bucket.rate * (ended - before) / SECOND) + weight
        if level > bucket.alpha(TOLERANCE / SECOND):
            return False  # by a rounding error, perhaps
        before = ended
    return True


def immortal(tale: Tale) -> set[bytes]:
    """Names of the keys that were seen without a time to live."""
    return {key.name for sight in tale.sights for key in sight.keys if key.ends < 0}


def first_late(operations: Sequence[Operation], window: int) -> int:
    """Which of these is the first that begins two windows (in µs) or more after the one before."""
    for place in range(1, len(operations)):
        if operations[place].begun - operations[place - 1].begun >= 2 * window:
            return place
    return len(operations)


def steps_before(story: Story, place: int) -> int:
    """How many steps a client took of its request before the event at `place` befell it."""
    client, steps = getattr(story.events[place], "client", 0), 0
    for event in story.events[:place]:
        if isinstance(event, Again) or (isinstance(event, Ask) and event.client == client):
            steps = 0
        elif isinstance(event, Go) and event.client == client:
            steps += 1
    return steps


def first_fault(story: Story) -> int | None:
    """The place of the first fault; None when there is none."""
    return next((n for n, one in enumerate(story.events) if isinstance(one, FAULTS)), None)


def shown_key(key: str | bytes) -> str:
    """A key in quotes, cut where long."""
    text = key.decode("utf-8", "backslashreplace") if isinstance(key, bytes) else key
    cut = text
    if len(text) > LONGEST_NAME:
        cut = f"{text[: LONGEST_NAME - 8]}…{text[-8:]} ({len(text):,} long)"
    # Two names that look the same are told apart: "é" may be one character, or two.
    plain = cut.isprintable() and unicodedata.is_normalized("NFC", cut)
    return f"'{cut}'" if plain else ascii(cut)


def after(instant: int, start: int) -> str:
    """An instant, told from the beginning: "+1.001 s"."""
    return f"+{(instant - start) / SECOND:.6f}".rstrip("0").rstrip(".") + " s"


def answer(operation: Operation) -> str:
    """What came of a request, in a few words."""
    match operation.outcome:
        case Outcome.ADMITTED:
            return f"is admitted{_told(operation)}"
        case Outcome.REJECTED:
            return f"is refused{_told(operation)}"
        case Outcome.ERROR:
            error = operation.error
            return f"raises {error if len(error) <= LONGEST_ERROR else f'{error[:LONGEST_ERROR]}…'}"
    return "gets no answer"


def _told(operation: Operation) -> str:
    decision = operation.decision
    if decision is None:
        return ""
    said = []
    if decision.remaining is not None:
        said.append(f"{decision.remaining} left")
    if decision.retry_after is not None:
        said.append(f"retry after {decision.retry_after} s")
    return f" ({', '.join(said)})" if said else ""
