"""`memory`: ever new keys, steady traffic, a day of it, rising and long traffic; and idleness."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from limiters.contract import Quota
from limitproof.check.tales.acts import MILLISECOND, SECOND, patience
from limitproof.check.tales.memory import memory, memory_measured
from limitproof.stories import Wait
from limitproof.verify.experiments.experiment import Experiment, Played, Summary, Trial, small
from limitproof.verify.experiments.hand import Hand
from limitproof.verify.laboratory import Laboratory

LARGEST = 3  # limit
RISE = (2, 8, 32)  # requests in a window, in limits
# Tell a leak from what only fills up: a TTL of five windows is level by then. And no more than 128
# entries: beyond, a sorted set is a skip list, whose bytes are drawn at random.
WINDOWS = 20
# What is stored once in so many admissions, or after a pause, needs more windows to be told.
LONG, WITH_PAUSES, EVERY = 480, 60, 5
PAUSE = 1.5  # windows: what has a TTL of three is kept
DAY = 86_400 * SECOND
FOR_SHORTENING = 0.4  # of the time
# Of a day of traffic, two windows each; no part of 24, so that they come at ever other minutes.
BURSTS = 23


def _window(hand: Hand) -> int:
    return round(hand.player.world.cast.quota.window * SECOND)


@dataclass(frozen=True, slots=True)
class _Rising:
    """An act for each rate of requests, a window long; all keys are looked at as it ends."""

    rates: tuple[int, ...]

    def __call__(self, hand: Hand) -> None:
        for number, rate in enumerate(self.rates):
            if number:
                hand.again()
            hand.asks(rate, spacing=_window(hand) // (rate + 1))
            hand.look()


@dataclass(frozen=True, slots=True)
class _Steady:
    """Twice the limit in each window, on one key; then idleness, until all must have ended.

    What has a time to live of less than a day may use it up; whether that is too long for a window
    is for `expiry`.
    """

    rate: int
    windows: int = WINDOWS

    def __call__(self, hand: Hand) -> None:
        window = _window(hand)
        for _ in range(self.windows):
            hand.asks(self.rate, spacing=window // self.rate)
            seen = hand.look()
        longest = max((key.ends * MILLISECOND - seen.instant for key in seen.keys), default=0)
        hand.wait(max(patience(window), min(longest + MILLISECOND, DAY)))
        hand.look()


@dataclass(frozen=True, slots=True)
class _Long:
    """Twice the limit in each window, for many windows, as long as `goes_on`; then idleness.

    pause: after each window, in windows. Whatever is stored at the first request after one, and is
    kept a little longer each time, is gone when there is none for long.
    """

    rate: int
    windows: int
    pause: float = 0.0
    goes_on: Callable[[], bool] = lambda: True

    def __call__(self, hand: Hand) -> None:
        window = _window(hand)
        for number in range(1, self.windows + 1):
            hand.asks(self.rate, spacing=window // self.rate)
            if number % EVERY == 0:
                hand.look()
                if not self.goes_on():
                    break
            hand.wait(round(self.pause * window))
        hand.wait(max(patience(window), DAY))
        hand.look()


@dataclass(frozen=True, slots=True)
class _Day:
    """So many requests in each of two windows, again and again for a day, on one key; idleness.

    What is stored at midnight, or once an hour, is not in the state of a few windows.
    """

    rate: int
    bursts: int = BURSTS

    def __call__(self, hand: Hand) -> None:
        window = _window(hand)
        for number in range(self.bursts):
            hand.wait(max(DAY // BURSTS - 2 * window, 0) if number else 0)
            hand.asks(2 * self.rate, spacing=window // self.rate)
            hand.look()
        hand.wait(max(patience(window), DAY))
        hand.look()


@dataclass(frozen=True, slots=True)
class _EverNew:
    """In each window a client comes that never came before; then a day of idleness."""

    requests: int = 2
    windows: int = WINDOWS

    def __call__(self, hand: Hand) -> None:
        window = _window(hand)
        for number in range(self.windows):
            hand.asks(self.requests, key=f"client-{number}")
            hand.look()
            hand.wait(window)
        hand.wait(max(patience(window), DAY))
        hand.look()


def _trials(laboratory: Laboratory, _played: Sequence[Played]) -> Iterator[Trial]:
    quota = small(laboratory.quota, most=LARGEST, window=1.0)
    yield Trial(_EverNew(), quota)
    yield Trial(_Steady(2 * quota.limit), quota)
    yield Trial(_Day(2 * quota.limit), quota, plain=True)
    yield Trial(_Rising(tuple(times * quota.limit for times in RISE)), quota, plain=True)
    kept = FOR_SHORTENING * laboratory.left
    for windows, pause in ((WITH_PAUSES, PAUSE), (LONG, 0.0)):
        long = _Long(2 * quota.limit, windows, pause, lambda: laboratory.left > kept)
        yield Trial(long, quota, plain=True, spare=True)


def _smaller(found: Played) -> Iterator[Trial]:
    """The same with fewer requests, in fewer windows: it is known by now that it is no bound."""
    one = Quota(1, found.story.window)
    if any(operation.act for operation in found.tale.operations):
        yield Trial(_Rising((2, 4, 8)), one)
        return
    grows = memory_measured(found.tale, found.story)["full_1gb_at"] is not None
    if found.tale.operations[-1].begun - found.tale.operations[0].begun > DAY // (2 * BURSTS):
        yield from (Trial(_Day(1, bursts), one) for bursts in (2, 4, 8, 12, BURSTS))
        return
    if len(found.tale.operations) > 2 * WINDOWS * LARGEST:
        pause = PAUSE if _paused(found) else 0.0
        yield from (Trial(_Long(2, windows, pause), one) for windows in (20, 40, 120, LONG))
        return
    many = len({operation.key for operation in found.tale.operations}) > 1
    for windows in (8, 12) if grows else (1,):
        yield Trial(_EverNew(1, windows) if many else _Steady(2, windows), one)


def _paused(found: Played) -> bool:
    waits = [one.microseconds for one in found.story.events if isinstance(one, Wait)]
    return max(waits[:-1]) > found.story.window * SECOND


def _sum_up(played: Sequence[Played]) -> Summary:
    figures = [memory_measured(one.tale, one.story) for one in played]
    most = max(one["peak_bytes"] for one in figures)
    requests = sum(len(one.tale.operations) for one in played)
    windows = max(len(one.tale.operations) // (2 * one.story.limit) for one in played)
    if not most:
        return Summary("it stores nothing in Redis", measured={"peak_bytes": 0})
    return Summary(
        f"{most:,} bytes at most in {windows} windows above the limit, {BURSTS} bursts in a day, "
        f"and {max(RISE)} limits in one window; nothing is left of idle keys",
        measured={**figures[:2][-1], "peak_bytes": most, "requests": requests},
    )


MEMORY = Experiment("memory", memory, _trials, _sum_up, _smaller, memory_measured)
