"""`expiry`: what is stored lives as long as it counts, and not for ever."""

from __future__ import annotations

from collections.abc import Iterator, Set
from itertools import pairwise

from limitproof.check.tales.acts import (
    LONGEST,
    MILLISECOND,
    SECOND,
    TOLERANCE,
    acts,
    admitted,
    excess,
    first_fault,
    patience,
    promise_of_story,
    shown_key,
    steps_before,
    window_of,
)
from limitproof.check.tales.measure import Measure
from limitproof.history.outcome import Outcome
from limitproof.stories import KeyState, Sight, Story, Tale

A_NUMBER = 32  # bytes by which a value may grow that holds a number only


def expiry(tale: Tale, story: Story) -> str:
    """What is wrong with a time to live; "" when nothing is.

    A key without one; one that is kept far longer than a window (see `patience`); one that dies
    while what it holds still counts, so that more are admitted than promised; one that each request
    starts anew, so that a counter never ends and nobody is admitted any more.

    A key that is kept for long may count for long: who allows 5 a second may allow 1,000 a day as
    well, or a year. Where a story has a second act, it is the same for another client's key, and
    both end with requests of the first one's: what holds something else then, since it was there
    before, counts.
    """
    first, *others = acts(tale)[:2] or [tale]
    counting = _unlike(first, *others) if others else frozenset()
    return _for_ever(first, story, counting) or _too_short(first, story) or _refreshed(first, story)


def lingering(tale: Tale, story: Story) -> Iterator[tuple[Sight, KeyState]]:
    """Each key that is seen to be kept for far longer than a window, or than it takes a bucket."""
    window = counted_for(story)
    for sight in tale.sights:
        for key in sight.keys:
            if key.ends * MILLISECOND - sight.instant > patience(window):
                yield sight, key


def counted_for(story: Story) -> int:
    """For how long a request counts, in µs: in a bucket until it is full, of ten limits for ten."""
    return max(window_of(story), Measure.of(promise_of_story(story)).window)


def _unlike(tale: Tale, other: Tale) -> frozenset[bytes]:
    """The names of keys that are there at the end of both, and do not hold the same."""
    if not tale.sights or not other.sights:
        return frozenset()
    held = {key.name: key.digest for key in other.sights[-1].keys}
    return frozenset(
        key.name for key in tale.sights[-1].keys if held.get(key.name, key.digest) != key.digest
    )


def _for_ever(tale: Tale, story: Story, counting: Set[bytes]) -> str:
    """counting: names of the keys that may be kept for long."""
    fault = first_fault(story)
    for sight in tale.sights:
        for key in sight.keys:
            if key.ends < 0:
                after = "after a request"
                if _ended_in_a_request(tale, sight, key):
                    after += ", in the midst of which it ended"
                if fault is not None and fault < sight.place:
                    steps = steps_before(story, fault)
                    after = f"when a client dies after {steps} step{'s' * (steps != 1)}"
                return f"{shown_key(key.name)} is left without a TTL {after}: it never expires"
    for sight, key in lingering(tale, story):
        kept = key.ends * MILLISECOND - sight.instant
        if key.name not in counting or kept > LONGEST:
            window = counted_for(story)
            filled = window > window_of(story)
            what = "a bucket is filled in" if filled else "a window is"
            return (
                f"{shown_key(key.name)} is kept for "
                f"{kept / SECOND:g} s, where {what} "
                f"{window / SECOND if filled else story.window:g} s"
            )
    return ""


def _ended_in_a_request(tale: Tale, sight: Sight, key: KeyState) -> bool:
    """Whether a key was seen to have an end, and the last request was under way then."""
    before = [
        one.ends * MILLISECOND
        for seen in tale.sights
        if seen.place < sight.place
        for one in seen.keys
        if one.name == key.name and one.ends >= 0
    ]
    last = next((one for one in reversed(tale.operations) if one.place < sight.place), None)
    if not before or last is None or last.ended is None:
        return False
    return last.begun < before[-1] <= last.ended


def _too_short(tale: Tale, story: Story) -> str:
    """More are admitted than promised, and state vanished on the way."""
    found = excess(tale.operations, promise_of_story(story))
    if found is None:
        return ""
    first, last = (tale.operations[place] for place in found)
    for sight in tale.sights:
        if not first.place < sight.place < last.place:
            continue
        ends = [key.ends * MILLISECOND for key in sight.keys]
        if ends and min(ends) + MILLISECOND > last.begun:
            continue
        lived = "at once" if not ends else f"after {_lifetime(tale, sight, min(ends)):g} s"
        count = admitted(tale.operations[found[0] : found[1] + 1])
        return (
            f"what is stored is gone {lived}, and {count} are admitted within "
            f"{(last.begun - first.begun) / SECOND:g} s: {story.limit} per {story.window:g} s "
            "were promised"
        )
    return ""


def _lifetime(tale: Tale, sight: Sight, ends: int) -> float:
    """Seconds from the last admission before a sight to the end of a key."""
    begun = [
        one.begun
        for one in tale.operations
        if one.place < sight.place and one.outcome is Outcome.ADMITTED
    ]
    return (ends - max(begun, default=sight.instant)) / SECOND


def _refreshed(tale: Tale, story: Story) -> str:
    """Nobody is admitted for two windows, and a value of one size gets a new end each time.

    A log that holds refused requests starves its clients as well, but it grows with them: that is
    told by `memory`. A window of two counters may refuse for one window, not for two.
    """
    window = window_of(story)
    passed = [one for one in tale.operations if one.outcome is Outcome.ADMITTED]
    if not passed or len(tale.sights) < 2:
        return ""
    last = passed[-1]
    starved = [
        one
        for one in tale.operations
        if one.outcome is Outcome.REJECTED and one.begun > last.begun + 2 * window + TOLERANCE
    ]
    if not starved:
        return ""
    between = [one for one in tale.sights if last.place < one.place]
    for one, other in pairwise(between):
        then = {key.name: key for key in one.keys}
        for key in other.keys:
            before = then.get(key.name)
            if (
                before is not None
                and key.ends * MILLISECOND > before.ends * MILLISECOND + TOLERANCE
                and key.elements <= before.elements + 1
                and key.bytes <= before.bytes + A_NUMBER
            ):
                return (
                    f"each request, also a refused one, starts the TTL of {shown_key(key.name)} "
                    f"anew: nobody is admitted for "
                    f"{(starved[-1].begun - last.begun) / SECOND:g} s of steady traffic"
                )
    return ""
