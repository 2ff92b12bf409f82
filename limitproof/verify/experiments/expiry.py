"""`expiry`: the time to live at every request, at its end, under steady traffic, at a death.

And when a key ends while a request is under way: GET finds it, then SET KEEPTTL makes it anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice, product

from limiters.contract import Quota
from limitproof.check.tales.acts import LONGEST, MILLISECOND, patience, window_behind
from limitproof.check.tales.expiry import counted_for, expiry, lingering
from limitproof.stories import Ask, Event, Kill, Tale
from limitproof.verify.experiments.experiment import (
    Experiment,
    Played,
    Summary,
    Trial,
    at_each_step,
    told_by,
)
from limitproof.verify.experiments.hand import Hand
from limitproof.verify.laboratory import Laboratory

# s: cut to whole seconds, two of them are 0; and a TTL that has nothing to do with the window is
# too short for the longest.
WINDOWS = (0.5, 1.5, 0.05, 60.0)
BURSTS = 6  # with 1 s where 1.5 s are promised, a fixed window's fifth is one too many
ANOTHER = "another"  # key than that of all other stories
GLANCE = 10 * MILLISECOND  # how long after its last request a limiter without keys is asked again


def _single(hand: Hand) -> None:
    """One; and where it has a cost, one more that asks for more than the limit."""
    hand.ask()
    hand.look()
    if hand.cost is not None:
        hand.ask_too_much()
        hand.look()


def _bursts(hand: Hand) -> None:
    """All that is admitted, and again as soon as a key has died."""
    for _ in range(BURSTS):
        hand.asks(hand.room + 1)
        ends = [key.ends for key in hand.look().keys]
        if any(end < 0 for end in ends):
            return
        death = min(ends) * MILLISECOND - hand.instant + 2 * MILLISECOND if ends else GLANCE
        hand.wait(death)


def _late(hand: Hand) -> None:
    """One, half a window later all others, and again as soon as a key has died."""
    quota = hand.player.world.cast.quota
    hand.ask()
    hand.wait(round(quota.window * 1_000_000) // 2)
    hand.asks(hand.room)
    ends = [key.ends for key in hand.look().keys]
    if ends and min(ends) >= 0:
        hand.wait(min(ends) * MILLISECOND - hand.instant + 2 * MILLISECOND)
        hand.asks(hand.room)


def _steady(hand: Hand) -> None:
    """Refused requests two a window, then six a window; then nobody."""
    window = round(hand.player.world.cast.quota.window * 1_000_000)
    hand.asks(hand.room + 1)
    for _ in range(5):
        hand.wait(window // 2)
        hand.ask()
    hand.look()
    for _ in range(6):
        hand.wait(window // 6)
        hand.ask()
    hand.look()
    hand.wait(patience(window))
    hand.look()


def _death(filled: int, steps: int, over: list[bool], hand: Hand) -> None:
    hand.asks(filled, 1)
    if not hand.begin(0, steps):
        over.append(True)
        return
    hand.do(Kill(0))
    hand.look()


def _ends_in_it(
    which: Callable[[Iterable[int]], int],
    filled: int,
    steps: int,
    over: list[bool],
    hand: Hand,
) -> None:
    """The first key, or the last, ends when a request has taken so many steps of its own."""
    hand.asks(filled, 1)
    ends = [key.ends for key in hand.look().keys if key.ends >= 0]
    if ends:
        hand.wait(which(ends) * MILLISECOND - hand.instant - MILLISECOND)
    if not ends or not hand.begin(0, steps):
        over.append(True)
        return
    hand.wait(2 * MILLISECOND)
    hand.finish(0)
    hand.look()


def _asked_again(events: Sequence[Event], pause: int, hand: Hand) -> None:
    """After a pause as much is asked as passes at once; and the same of who never asked before.

    A list of the last requests, cut by their number, holds those that count no more: until then.
    """
    others = [replace(one, key=ANOTHER) if isinstance(one, Ask) else one for one in events]
    for number, before in enumerate((events, others)):
        if number:
            hand.again()
        hand.do(*before)
        hand.wait(pause)
        hand.asks(hand.room + 1)
        hand.look()


def _confirm(_laboratory: Laboratory, found: Played) -> Iterator[Trial]:
    """Whether what is kept for long counts no more: after the first patience, and after the window
    for which it may be kept so long, which may end in another hour or on another day.
    """
    for sight, key in islice(lingering(found.tale, found.story), 1):
        kept = key.ends * MILLISECOND - sight.instant
        for pause in (patience(counted_for(found.story)), window_behind(min(kept, LONGEST))):
            yield Trial(partial(_asked_again, found.story.events[: sight.place + 1], pause))


def _trials(laboratory: Laboratory, played: Sequence[Played]) -> Iterator[Trial]:
    own = laboratory.small(least=3, most=3)
    windows = dict.fromkeys((own.window, *WINDOWS) if laboratory.scales else (own.window,))
    yield Trial(_single, own)
    yield Trial(_steady, own)
    yield Trial(_late, own)
    kept = _keys(played)
    for window in windows:
        quota = Quota(own.limit, window)
        # Also where no key was seen: a TTL that is cut to whole seconds leaves none below one.
        yield Trial(_bursts, quota, plain=window != own.window)
        if not kept:
            continue
        if window != own.window:
            yield Trial(_steady, quota, plain=True)
    if not kept:
        return
    # not of a limiter of one key: its first is its last
    for which, filled in product((min, max) if kept > 1 else (min,), (1, laboratory.room(own))):
        yield from at_each_step(
            played,
            lambda steps, over, which=which, filled=filled: Trial(  # type: ignore[misc]
                partial(_ends_in_it, which, filled, steps, over), own
            ),
        )
    for filled in (0, laboratory.room(own)):
        yield from at_each_step(
            played,
            lambda steps, over, filled=filled: Trial(  # type: ignore[misc]
                partial(_death, filled, steps, over), own
            ),
        )


def _smaller(found: Played) -> Iterator[Trial]:
    """The story as far as it takes to fail."""
    for length in range(1, len(found.story.events)):
        if expiry(_until(found.tale, length), found.story):
            yield Trial(told_by(found.story.events[:length]))
            return


def _until(tale: Tale, length: int) -> Tale:
    """What was seen of the first events."""
    return Tale(
        tuple(one for one in tale.operations if one.place < length - 1),  # begun, and gone on with
        tuple(one for one in tale.sights if one.place < length),
    )


def _keys(played: Sequence[Played]) -> int:
    return len({key.name for one in played for sight in one.tale.sights for key in sight.keys})


def _sum_up(played: Sequence[Played]) -> Summary:
    keys = _keys(played)
    windows = sorted({one.story.window for one in played})
    if not keys:
        return Summary("it keeps no key", measured={"keys": 0})
    return Summary(
        f"each key ends by itself, none too soon, with windows of "
        f"{', '.join(f'{window:g}' for window in windows)} s",
        measured={"keys": keys, "windows": windows},
    )


EXPIRY = Experiment("expiry", expiry, _trials, _sum_up, _smaller, confirm=_confirm)
