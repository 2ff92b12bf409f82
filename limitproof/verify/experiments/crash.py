"""`crash`: a client dies at every scheduling point of a request; what do the others get?

It dies between two packets, never within one: of a pipeline of a few commands the server has all
or nothing. redis-py gives up to 6,000 bytes to the kernel in one call, and the kernel sends what
fits into a segment (some 1,400 bytes) at once. A longer pipeline, or one on a connection that is
full, may be cut: Redis does the whole commands of what has arrived, and only MULTI or a script
makes nothing of a part. That is real, but so rare that it is not held against a limiter here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from limitproof.check.tales.acts import MILLISECOND
from limitproof.check.tales.crash import crash
from limitproof.check.verdict import Verdict
from limitproof.stories import Go, Kill
from limitproof.verify.experiments.experiment import (
    Experiment,
    Played,
    Summary,
    Trial,
    at_each_step,
    fills,
)
from limitproof.verify.experiments.hand import Hand
from limitproof.verify.laboratory import Laboratory

VICTIM, OTHER = 0, 1


def _direct(filled: int, steps: int, over: list[bool], hand: Hand) -> None:
    """Act 1: the victim takes so many steps and dies. Act 2: it never came."""
    hand.asks(filled, OTHER)
    before = hand.instant
    if not hand.begin(VICTIM, steps):
        over.append(True)
        return
    hand.do(Kill(VICTIM))
    elapsed = hand.instant - before
    _others(hand)
    hand.again()
    hand.asks(filled, OTHER)
    hand.wait(elapsed)
    _others(hand)


def _others(hand: Hand) -> None:
    hand.look()
    hand.asks(hand.room + 1, OTHER)
    hand.look()
    window = round(hand.player.world.cast.quota.window * 1_000_000)
    hand.wait(2 * window + MILLISECOND)
    hand.asks(hand.room, OTHER)


def _trials(laboratory: Laboratory, played: Sequence[Played]) -> Iterator[Trial]:
    quota = laboratory.small(least=3, most=3)
    for filled in fills(laboratory.room(quota)):
        yield from at_each_step(
            played,
            lambda steps, over, filled=filled: Trial(  # type: ignore[misc]
                partial(_direct, filled, steps, over), quota
            ),
        )


def _sum_up(played: Sequence[Played]) -> Summary:
    deaths = sum(any(isinstance(e, Kill) for e in one.story.events) for one in played)
    if not deaths and not any(isinstance(e, Go) for one in played for e in one.story.events):
        return Summary("it sends nothing: there is no step to die after", Verdict.NOT_TOLD)
    if not deaths:
        return Summary("each request is one step: there is nothing to die between")
    return Summary(
        f"{deaths} deaths between two steps, each worth one request at most",
        measured={"deaths": deaths},
    )


CRASH = Experiment("crash", crash, _trials, _sum_up)
