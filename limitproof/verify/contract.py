"""`contract`: a few requests of one client, then of two, on several keys; and large costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial

from limiters.contract import Quota
from limitproof.check.tales.contract import contract
from limitproof.history.outcome import Outcome
from limitproof.simulate.refusal import RefusedError
from limitproof.verify.experiments.experiment import Experiment, Played, Summary, Trial
from limitproof.verify.experiments.hand import Hand
from limitproof.verify.laboratory import Laboratory
from limitproof.verify.searches.directed import MANY, large_costs

MOST = 20  # requests: those of a large limit are all alike
MOST_AT_ONCE = 1_001  # but for the last ones, which are to be refused


def _alone(limit: int, hand: Hand) -> None:
    hand.asks(min(limit + 1, MOST))


def _at_once(limit: int, hand: Hand) -> None:
    """All that a large limit allows, at one instant, and one more."""
    hand.asks(limit + 1, spacing=0)


def _with_others(window: int, limit: int, hand: Hand) -> None:
    """Two clients by turns on two keys, beyond the limit, and again when a window has passed."""
    for _ in range(2):
        for number in range(min(2 * limit + 2, MOST)):
            hand.ask(number % 2, "ab"[number // 2 % 2])
        hand.wait(window)


def _large_costs(hand: Hand) -> None:
    """Who takes no cost is asked once; nor is it an error to need a step for each of thousands."""
    hand.ask(key="a")
    if hand.player.world.seats[0].takes_cost:
        with suppress(RefusedError):
            large_costs(hand.player)


def _trials(laboratory: Laboratory, _played: Sequence[Played]) -> Iterator[Trial]:
    limit = laboratory.quota.limit
    yield Trial(partial(_alone, limit))
    yield Trial(partial(_with_others, laboratory.window, limit))
    if MOST <= limit < MOST_AT_ONCE:
        yield Trial(partial(_at_once, limit))
    yield Trial(_large_costs, Quota(MANY, laboratory.quota.window))


def _sum_up(played: Sequence[Played]) -> Summary:
    asked = [one.outcome for each in played for one in each.tale.operations]
    refused = asked.count(Outcome.REJECTED)
    return Summary(f"{len(asked)} requests, {refused} of them refused, each with a Decision")


def _whatever(played: Sequence[Played]) -> str:
    """That there is an answer is all that is asked for, even if it is always the same.

    But where so many were asked that some must be refused, and none was, it is no plain pass.
    """
    for each in played:
        said = [one.outcome for one in each.tale.operations]
        if len(said) == each.story.limit + 1 > MOST and Outcome.REJECTED not in said:
            return (
                f"nothing was ever refused, of {len(said)} requests at a limit of {len(said) - 1}"
            )
    return ""


CONTRACT = Experiment("contract", contract, _trials, _sum_up, empty=_whatever, costly=False)
