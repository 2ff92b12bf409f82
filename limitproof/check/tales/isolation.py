"""`isolation`: what is done with one key changes nothing for another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from limiters.promise import Promise
from limitproof.check.tales.acts import acts, answer, promise_of_story, shown_key
from limitproof.check.tales.alike import answered_alike
from limitproof.check.tales.overshoot import overshoot
from limitproof.history.outcome import Outcome
from limitproof.stories import Operation, Story, Tale


def isolation(tale: Tale, story: Story) -> str:
    """Which key is answered otherwise when others are in use, or is not limited where another is;
    "" when none is.

    The first act is of all keys, each other one of a single key: its requests alone, at the same
    instants. A limiter may raise for an odd key (an empty one, a very long one): that is between it
    and its callers, as long as it does so alone as well. One that admits without end whoever has
    an odd name has a hole; one that does so for every key fails other checks.
    """
    first = next(iter(_differing(tale)), None)
    if first is None:
        return _unlimited(tale, promise_of_story(story))
    number, one, other = first
    keys = dict.fromkeys(op.key for op in tale.operations if op.act == 0 and op.key != one.key)
    others = [shown_key(key) for key in keys]
    beside = f"{others[0]} is" if len(others) == 1 else f"{len(others)} other keys are"
    return (
        f"request {number} of key {shown_key(one.key)} {answer(one)} when {beside} in use too; "
        f"alone it {answer(other)}"
    )


def touched(tale: Tale, promise: Promise) -> list[str]:
    """Keys that are answered otherwise when others are in use, or that alone are not limited."""
    unlimited = [key for key, why in _alone(tale, promise) if why]
    return list(dict.fromkeys([*(one.key for _, one, _ in _differing(tale)), *unlimited]))


def _unlimited(tale: Tale, promise: Promise) -> str:
    alone = _alone(tale, promise)
    limited = [key for key, why in alone if not why]
    for key, why in alone:
        if why and limited:
            return f"key {shown_key(key)} is not limited as key {shown_key(limited[0])} is: {why}"
    return ""


def _alone(tale: Tale, promise: Promise) -> list[tuple[str, str]]:
    """Each key that was asked alone, and how it overshoots; "" when it does not."""
    return [
        (part.operations[0].key, overshoot(part, promise))
        for part in acts(tale)[1:]
        if part.operations
    ]


def _differing(tale: Tale) -> Iterator[tuple[int, Operation, Operation]]:
    """Requests whose answers differ: the number among those of the key, together, and alone."""
    parts = acts(tale)
    for part in parts[1:]:
        alone = part.operations
        mixed = [one for one in parts[0].operations if alone and one.key == alone[0].key]
        for number, (one, other) in enumerate(zip(mixed, alone, strict=True), 1):
            if not answered_alike(one, other):
                yield number, one, other


def raising(tales: Sequence[Tale]) -> list[str]:
    """Keys for which the limiter raises also when they are alone."""
    return sorted(
        {
            shown_key(one.key)
            for tale in tales
            for one in tale.operations
            if one.act and one.outcome is Outcome.ERROR
        }
    )
