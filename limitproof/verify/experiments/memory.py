"""`memory`: ever new keys, steady traffic, a day of it, rising and long traffic; and idleness."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product

from limiters.contract import Quota
from limitproof.check.tales.acts import LONGEST, MILLISECOND, SECOND, patience
from limitproof.check.tales.memory import memory, memory_measured
from limitproof.stories import Look
from limitproof.verify.experiments.experiment import (
    Direct,
    Experiment,
    Played,
    Summary,
    Trial,
)
from limitproof.verify.experiments.hand import Hand
from limitproof.verify.laboratory import Laboratory

LARGEST = 3  # limit
RISE = (2, 8, 32)  # requests in a window, in limits
# Tell a leak from what only fills up: a TTL of five windows is level by then. And no more than 128
# entries: beyond, a sorted set is a skip list, whose bytes are drawn at random.
WINDOWS = 20
# What is stored once in so many admissions, or after a pause, needs more requests to be told: in so
# many a log of the last thousand is full before the last third, and a HyperLogLog is as well.
LONG, WITH_PAUSES = 2880, 60  # requests; windows
LOOKS = 32  # or one every so many windows:
EVERY = 5
MANY = 100  # requests, after which the time is looked at
CLIENTS = 3  # a window, so that an index of the last thousand is full
DAYS = 3  # of what is kept by the hour or by the minute of the day, one fills it up
PAUSE = 1.5  # windows: what has a TTL of three is kept
DAY = 86_400 * SECOND
FOR_SHORTENING = 0.4  # of the time
FOR_SHOWING = 0.3  # of what is left then
# Of a day of traffic, two windows each; no part of 24, so that they come at ever other minutes.
BURSTS = 23


class _Time:
    """How long a long story may take: until no more than a share of what is left is left.

    cut: holds something once a story was cut short.
    """

    def __init__(self, laboratory: Laboratory, share: float) -> None:
        self.laboratory = laboratory
        self.kept = share * laboratory.left
        self.cut: list[bool] = []

    def over(self) -> bool:
        """Whether it is over."""
        if self.laboratory.left <= self.kept:
            self.cut.append(True)
        return bool(self.cut)

    def trial(self, made: Callable[[_Time], Direct], quota: Quota, *, spare: bool = False) -> Trial:
        """A story that ends when the time is over, and fails for nothing then."""
        return Trial(made(self), quota, plain=True, spare=spare, cut=self.cut)


@dataclass(frozen=True, slots=True)
class _Rising:
    """An act for each rate of requests, a window long; all keys are looked at as it ends.

    time: None for as long as it takes.
    """

    rates: tuple[int, ...]
    time: _Time | None = None

    def __call__(self, hand: Hand) -> None:
        for number, rate in enumerate(self.rates):
            if number:
                hand.again()
            for asked in range(rate):
                if self.time is not None and not asked % MANY and self.time.over():
                    return
                hand.asks(1, spacing=_window(hand) // (rate + 1))
            hand.look()


@dataclass(frozen=True, slots=True)
class _Steady:
    """Twice the limit in each window, on one key; then idleness, until all must have ended."""

    rate: int
    windows: int = WINDOWS

    def __call__(self, hand: Hand) -> None:
        window = _window(hand)
        for _ in range(self.windows):
            hand.asks(self.rate, spacing=window // self.rate)
            hand.look()
        _rest(hand, window)


@dataclass(frozen=True, slots=True)
class _Long:
    """So many requests in each window, for many windows, as long as there is time; then idleness.

    pause: after each window, in windows. Whatever is stored at the first request after one, and is
    kept a little longer each time, is gone when there is none for long.
    """

    rate: int
    windows: int
    pause: float
    time: _Time

    def __call__(self, hand: Hand) -> None:
        window = _window(hand)
        for number in range(1, self.windows + 1):
            hand.asks(self.rate, spacing=window // self.rate)
            if number % _rarely(hand, self.windows) == 0:
                hand.do(Look())
                if self.time.over():
                    break
            hand.wait(round(self.pause * window))
        _rest(hand, DAY)


@dataclass(frozen=True, slots=True)
class _Day:
    """So many requests in each of two windows, again and again for a day, on one key; idleness.

    What is stored at midnight, or once an hour, is not in the state of a few windows. On another
    day, the bursts come at the same times of day.
    """

    rate: int
    bursts: int = BURSTS

    def __call__(self, hand: Hand) -> None:
        window = _window(hand)
        for number in range(self.bursts):
            hand.wait(max(DAY // BURSTS - 2 * window, 0) if number else 0)
            hand.asks(2 * self.rate, spacing=window // self.rate)
            hand.look()
        _rest(hand, DAY)


@dataclass(frozen=True, slots=True)
class _EverNew:
    """In each window clients come that never came before; then a day of idleness.

    Every other one of them asks only once: some store who was refused, some who was not.

    time: None for as long as it takes.
    """

    requests: int
    windows: int = WINDOWS
    clients: int = 1
    time: _Time | None = None

    def __call__(self, hand: Hand) -> None:
        window = _window(hand)
        for number in range(self.windows):
            for client in range(self.clients):
                name = number * self.clients + client
                hand.asks(1 if name % 2 else self.requests, key=f"client-{name}")
            if self.time is None or number % _rarely(hand, self.windows) == 0:
                hand.do(Look())
            if self.time is not None and self.time.over():
                break
            hand.wait(window)
        _rest(hand, DAY)


def _window(hand: Hand) -> int:
    return round(hand.player.world.cast.quota.window * SECOND)


def _rest(hand: Hand, least: int) -> None:
    """Nobody asks, for so long at least, and until all must have ended; then a look.

    What has a time to live of a month may use it up: whether that is too long is for `expiry`.
    """
    entries = hand.player.world.snapshot().entries
    ends = [end * MILLISECOND for entry in entries for end in entry.every_end]
    longest = max(ends, default=0) - hand.instant
    hand.wait(max(patience(_window(hand)), least, min(longest + MILLISECOND, LONGEST)))
    hand.look()


def _long(rate: int) -> int:
    """Windows of so many requests in which what has a bound has come to it."""
    return max(LONG // rate, WITH_PAUSES)


def _rarely(hand: Hand, windows: int) -> int:
    """After how many windows all is looked at: the more rarely, the more is stored in each."""
    return max(EVERY, windows // LOOKS) * (hand.cost or 1)


def _trials(laboratory: Laboratory, _played: Sequence[Played]) -> Iterator[Trial]:
    quota = laboratory.small(most=LARGEST, window=1.0)
    yield Trial(_EverNew(min(quota.limit, LARGEST) + 1), quota)
    yield Trial(_Steady(2 * quota.limit), quota)
    yield Trial(_Day(2 * quota.limit), quota, plain=True)
    yield Trial(_Rising(tuple(times * laboratory.room(quota) for times in RISE)), quota)
    rate = 2 * quota.limit
    for windows, pause in ((WITH_PAUSES, PAUSE), (_long(rate), 0.0)):
        time = _Time(laboratory, FOR_SHORTENING)
        yield time.trial(partial(_Long, rate, windows, pause), quota, spare=True)


def _confirm(laboratory: Laboratory, found: Played) -> Iterator[Trial]:
    """The like of what seems to grow, for so long that whatever has a bound has come to it.

    Sixty counters by the second, a log that is pruned from its hundredth entry on, the last
    thousand requests: each grows for good in twenty windows, and is level in some hundred. And of
    a window with a hundred requests the last hundred are all.
    """
    quota, time = _quota(found), _Time(laboratory, FOR_SHORTENING)
    match found.direct if _grown(found) or isinstance(found.direct, _Rising) else None:
        case _Rising(rates):
            for most in dict.fromkeys((4 * rates[-1], max(4 * rates[-1], LONG // 2))):
                yield time.trial(partial(_Rising, (*rates, most)), quota)
        case _EverNew(requests):
            windows = LONG // (requests * CLIENTS)
            yield time.trial(partial(_EverNew, requests, windows, CLIENTS), quota)
        case _Steady(rate):
            yield time.trial(partial(_Long, rate, _long(rate), 0.0), quota)
        case _Long(rate, windows, pause) if windows < _long(rate):
            yield time.trial(partial(_Long, rate, _long(rate), pause), quota)
        case _Day(rate):
            yield Trial(_Day(rate, DAYS * BURSTS), quota, plain=True)


def _smaller(found: Played) -> Iterator[Trial]:
    """The same with fewer requests, in fewer windows: it is known by now that it is no bound."""
    one, own = Quota(1, found.story.window), _quota(found)
    few = (8, 12) if _grown(found) else (1,)
    match found.direct:
        case _Rising(rates):
            room = max(1, rates[0] // (RISE[0] * own.limit))
            yield Trial(_Rising((2 * room, 4 * room, 8 * room)), one)
        case _Day(rate, bursts):
            yield from (
                Trial(_Day(1, n), one) for n in (2, 4, 8, 12, BURSTS) if n * 2 < bursts * rate
            )
        case _Long(rate, windows, pause, time):
            for quota, less in product((one, own), (20, 60, 120, 240, 480)):
                if 2 * quota.limit * less < rate * windows:
                    share = _Time(time.laboratory, FOR_SHOWING)
                    yield share.trial(partial(_Long, 2 * quota.limit, less, pause), quota)
        case _EverNew():  # some store only who is refused, which with a limit of one the second is
            yield from (Trial(_EverNew(n, windows), one) for windows in few for n in (1, 2))
        case _Steady():
            yield from (Trial(_Steady(2, windows), one) for windows in few)


def _quota(one: Played) -> Quota:
    """Without the cost of its requests."""
    return Quota(one.story.limit // (one.cost or 1), one.story.window)


def _grown(one: Played) -> bool:
    return memory_measured(one.tale, one.story).get("full_1gb_at") is not None


def _windows(one: Played) -> int:
    """In how many windows, one after the other, requests came; of a story cut short, so many."""
    rate = one.direct.rate if isinstance(one.direct, _Long | _Steady) else 0
    return len(one.tale.operations) // rate if rate else 0


def _sum_up(played: Sequence[Played]) -> Summary:
    figures = [memory_measured(one.tale, one.story) for one in played]
    most = max(one["peak_bytes"] for one in figures)
    requests = sum(len(one.tale.operations) for one in played)
    windows = max(map(_windows, played))
    if not most:
        return Summary("it stores nothing in Redis", measured={"peak_bytes": 0})
    return Summary(
        f"{most:,} bytes at most in {windows} windows above the limit, {BURSTS} bursts in a day, "
        f"and {max(RISE)} times what passes at once; nothing is left of idle keys",
        measured={**figures[:2][-1], "peak_bytes": most, "requests": requests},
    )


MEMORY = Experiment("memory", memory, _trials, _sum_up, _smaller, memory_measured, confirm=_confirm)
