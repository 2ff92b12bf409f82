"""`lost-reply`: the connection breaks at every scheduling point, before or after the server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from limitproof.check.tales.acts import MILLISECOND
from limitproof.check.tales.lost_reply import lost_reply
from limitproof.check.verdict import Verdict
from limitproof.stories import Drop, Lose
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
WINDOW = 60.0  # s: redis-py waits up to some seconds before it sends again; entries must not age


def _direct(
    filled: int, steps: int, fault: type[Lose | Drop], over: list[bool], hand: Hand
) -> None:
    """Act 1: the connection breaks in a step of the victim. Act 2: the victim never came."""
    hand.asks(filled, OTHER)
    before = hand.instant
    if not hand.begin(VICTIM, steps):
        over.append(True)
        return
    if not hand.sends(VICTIM):
        return
    hand.do(fault(VICTIM))
    hand.finish(VICTIM)
    elapsed = hand.instant - before
    _others(hand)
    hand.again()
    hand.asks(filled, OTHER)
    hand.wait(elapsed)
    _others(hand)


def _others(hand: Hand) -> None:
    quota = hand.player.world.cast.quota
    hand.asks(hand.room + 1, OTHER)
    hand.wait(2 * round(quota.window * 1_000_000) + MILLISECOND)
    hand.ask(OTHER)


def _trials(laboratory: Laboratory, played: Sequence[Played]) -> Iterator[Trial]:
    quota = laboratory.small(least=3, most=3, window=WINDOW)
    room = laboratory.room(quota)
    ways: tuple[tuple[type[Lose | Drop], list[int]], ...] = (
        (Lose, fills(room)),
        (Drop, [0]),
    )
    for fault, before in ways:
        for filled in before:
            yield from at_each_step(
                played,
                lambda steps, over, fault=fault, filled=filled: Trial(  # type: ignore[misc]
                    partial(_direct, filled, steps, fault, over), quota
                ),
                first=0,
            )


def _sum_up(played: Sequence[Played]) -> Summary:
    broken = sum(any(isinstance(e, Lose | Drop) for e in one.story.events) for one in played)
    if not broken:
        return Summary("it sends nothing: there is nothing to be lost", Verdict.NOT_TOLD)
    return Summary(
        f"{broken} connections broken in a request, each request is debited once at most",
        measured={"lost": broken},
    )


LOST_REPLY = Experiment("lost-reply", lost_reply, _trials, _sum_up)
