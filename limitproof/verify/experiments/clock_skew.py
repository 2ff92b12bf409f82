"""`clock-skew`: a client whose clock is ahead, or behind, at the edge of a window."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from limitproof.check.tales.clock_skew import clock_skew
from limitproof.stories import Skew
from limitproof.verify.experiments.experiment import Experiment, Played, Summary, Trial
from limitproof.verify.experiments.hand import SPACING, Hand
from limitproof.verify.laboratory import Laboratory

RIGHT, OFF = 0, 1
LEAST_WINDOWS = 20  # a skew must be small against the window, or it is something else


@dataclass(frozen=True, slots=True)
class _Edge:
    """What happens at the edge of a window; all in µs.

    skew: how far one clock is off; aligned: windows begin at multiples of their length.
    """

    skew: int
    window: int
    aligned: bool

    def __call__(self, hand: Hand) -> None:
        """Act 1: one client's clock is off. Act 2: it is right."""
        hand.do(Skew(OFF, self.skew))
        self._act(hand)
        hand.again()
        self._act(hand)

    def _act(self, hand: Hand) -> None:
        """A client takes all; the other comes within a skew of the instant that makes room.

        Two windows later it takes all but one: the other is admitted, and told what is left.
        """
        self._before_room(hand, hand.room, hand.room + 1)
        if hand.room > 1:
            hand.wait(2 * self.window)
            self._before_room(hand, hand.room - 1, 1)

    def _before_room(self, hand: Hand, taken: int, asked: int) -> None:
        if self.aligned:
            hand.wait(self.window - hand.instant % self.window)
        spacing = max(1, min(SPACING, abs(self.skew) // (4 * hand.room)))
        begun = hand.instant
        hand.asks(taken, RIGHT, spacing=spacing)
        hand.wait(begun + self.window - self.skew // 2 - hand.instant)
        hand.asks(asked, OFF, spacing=spacing)


def _trials(laboratory: Laboratory, _played: Sequence[Played]) -> Iterator[Trial]:
    skew = round(laboratory.subject.max_skew * 1_000_000)
    quota = laboratory.small(most=3, window=LEAST_WINDOWS * skew / 1_000_000)
    window = laboratory.yardstick(quota).window // 1_000  # µs; of a bucket: until it is full
    skew = min(skew, window // LEAST_WINDOWS)
    for aligned in (False, True):
        for off in (skew, -skew):
            yield Trial(_Edge(off, window, aligned), quota)


def _sum_up(played: Sequence[Played]) -> Summary:
    skews = [abs(e.microseconds) for one in played for e in one.story.events if isinstance(e, Skew)]
    far = f"{max(skews, default=0) / 1_000:g} ms"
    return Summary(f"clocks that are off by {far}, ahead and behind, change nothing")


CLOCK_SKEW = Experiment("clock-skew", clock_skew, _trials, _sum_up)
