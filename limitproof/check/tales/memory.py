"""`memory`: what is stored is bounded by the quota, not by the traffic, and not by time."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate, pairwise
from typing import Any

from limitproof.check.growth import grows, theil_sen
from limitproof.check.tales.acts import (
    LONGEST,
    MILLISECOND,
    SECOND,
    acts,
    patience,
    shown_key,
    window_of,
)
from limitproof.stories import Sight, Story, Tale

GIGABYTE = 2**30
LEAST = 4.0  # bytes: no request is stored in less
STEADY = 0.75  # of the bytes a request: buckets of a window fill up, a log does not
FEWEST = 6  # sights that show a growth


def memory(tale: Tale, story: Story) -> str:
    """Why what is stored is not bounded; "" when it is.

    Three acts or more are of rising traffic, each a window long: what is stored must not rise with
    it, beyond the limit. One act is of steady traffic, looked at again and again, and of idleness
    at its end: it must not grow for good, and nothing may stay for ever.
    """
    parts = acts(tale)
    if len(parts) >= 3:
        return _with_traffic(parts, story)
    if len(parts) != 1 or len(tale.sights) < 2:
        return ""
    return _with_time(tale, story) or _left(tale, story)


def memory_measured(tale: Tale, story: Story) -> dict[str, Any]:
    """Figures of rising traffic: requests, entries and bytes of each act.

    Figures of one act: bytes_per_request, entries_per_window, full_1gb_at, and peaks.

    full_1gb_at: the date (UTC) at which 1 GB is full if the traffic goes on; None when it does not
    grow. peak_bytes, peak_keys and peak_entries: the most that was seen at once.
    """
    parts = acts(tale)
    if len(parts) >= 3:
        return _rates(parts)
    busy = _busy(tale, story)
    size = [_bytes(one) for one in busy]
    entries = [_entries(one) for one in busy]
    when = [one.instant / SECOND for one in busy]
    windows = [seconds / story.window for seconds in when]
    sent = [sum(op.place < one.place for op in tale.operations) for one in busy]
    per_request = theil_sen(sent, size).slope
    per_second = theil_sen(when, size).slope
    return {
        "windows": round((busy[-1].instant - busy[0].instant) / window_of(story), 1) if busy else 0,
        "bytes_per_request": round(per_request, 2),
        "entries_per_window": round(theil_sen(windows, entries).slope, 3),
        "full_1gb_at": _full(busy[-1], per_second) if _rises(busy) else None,
        "peak_bytes": max(size, default=0),
        "peak_keys": max((len(one.keys) for one in busy), default=0),
        "peak_entries": max(entries, default=0),
    }


def _rates(parts: Sequence[Tale]) -> dict[str, Any]:
    last = [part.sights[-1] for part in parts if part.sights]
    return {
        "requests": [len(part.operations) for part in parts],
        "entries": [_entries(sight) for sight in last],
        "bytes": [_bytes(sight) for sight in last],
        "peak_bytes": max(map(_bytes, last), default=0),
    }


def _with_traffic(parts: Sequence[Tale], story: Story) -> str:
    seen = [
        (len(part.operations), _bytes(part.sights[-1]), _entries(part.sights[-1]))
        for part in parts
        if part.sights
    ]
    if len(seen) < 3:
        return ""
    slopes = [
        (after[1] - before[1]) / max(1, after[0] - before[0]) for before, after in pairwise(seen)
    ]
    if min(slopes) < LEAST or min(slopes[1:]) < STEADY * slopes[0]:
        return ""
    (few, little, some), (many, much, more) = seen[0], seen[-1]
    return (
        f"refused requests are stored, too: {few} requests in a window are {some} entries "
        f"({little:,} bytes), {many} are {more} ({much:,} bytes), where the limit is {story.limit}"
    )


def _with_time(tale: Tale, story: Story) -> str:
    busy = _busy(tale, story)
    if not _rises(busy):
        return ""
    told = memory_measured(tale, story)
    first, last, days = busy[0], busy[-1], _days(busy)
    shown_days = f"{days:,.0f}" if days >= 10 else f"{days:.2g}"
    return (
        f"it grows for good: from {_entries(first)} to {_entries(last)} entries and from "
        f"{_bytes(first):,} to {_bytes(last):,} bytes in {told['windows']:g} windows, "
        f"{told['bytes_per_request']:g} bytes a request; 1 GB is full after {shown_days} days of it"
    )


def _left(tale: Tale, story: Story) -> str:
    idle = [one for one in tale.sights if one not in _busy(tale, story)]
    if not idle or not idle[-1].keys:
        return ""
    kept = idle[-1].keys
    last = max(one.ended or one.begun for one in tale.operations)
    forever = [key for key in kept if key.ends < 0]
    end = "without a TTL" if forever else "with a TTL of its own"
    name = (forever or kept)[0].name
    return (
        f"{len(kept)} key{'s are' if len(kept) > 1 else ' is'} left after "
        f"{(idle[-1].instant - last) / SECOND:g} s without a request, {shown_key(name)} {end}"
    )


def _busy(tale: Tale, story: Story) -> list[Sight]:
    """What was seen while requests came: not after a long idleness."""
    asked = sorted((one.place, one.ended or one.begun) for one in tale.operations)
    places = [place for place, _ in asked]
    latest = list(accumulate((end for _, end in asked), max))  # end, of the requests so far
    wait = patience(window_of(story))
    return [
        one
        for one in tale.sights
        if (before := bisect_left(places, one.place)) and one.instant < latest[before - 1] + wait
    ]


def _lasting(busy: Sequence[Sight]) -> list[Sight]:
    """What was seen, without keys that end by themselves and are used no more.

    Keys of `client-1`, `client-2`, ... that live for a minute are many after twenty windows of a
    second, and no more after a minute: their ends are there to be read. What lasts is a key without
    an end, one whose end is put off again and again, and one that is kept for more than a year.
    """
    if not busy:
        return []
    first: dict[bytes, tuple[int, int]] = {}
    for number, one in enumerate(busy):
        for key in one.keys:
            first.setdefault(key.name, (number, key.ends))
    lasts = set()
    for key in busy[-1].keys:
        number, ends = first[key.name]
        put_off = key.ends > ends and number <= len(busy) - FEWEST
        if key.ends < 0 or put_off or key.ends * MILLISECOND > busy[-1].instant + LONGEST:
            lasts.add(key.name)
    return [replace(one, keys=tuple(k for k in one.keys if k.name in lasts)) for one in busy]


def _rises(sights: Sequence[Sight]) -> bool:
    busy = _lasting(sights)
    if len(busy) < FEWEST:
        return False
    since = [(one.instant - busy[0].instant) / SECOND for one in busy]
    return grows(since, [_bytes(one) for one in busy])


def _bytes(sight: Sight) -> int:
    return sum(key.bytes for key in sight.keys)


def _entries(sight: Sight) -> int:
    return sum(key.elements for key in sight.keys)


def _days(busy: Sequence[Sight]) -> float:
    """Until 1 GB is full. The date of `full_1gb_at` is that of the story, which began in 2023."""
    per_second = theil_sen([one.instant / SECOND for one in busy], list(map(_bytes, busy))).slope
    return (GIGABYTE - _bytes(busy[-1])) / max(per_second, 1e-9) / 86_400


def _full(sight: Sight, per_second: float) -> str:
    seconds = (GIGABYTE - _bytes(sight)) / max(per_second, 1e-9)
    try:
        at = datetime.fromtimestamp(sight.instant // SECOND, UTC) + timedelta(seconds=seconds)
    except OverflowError:
        return "after the year 9999"
    return at.strftime("%Y-%m-%d %H:%M UTC")
