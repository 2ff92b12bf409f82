"""`contract`: a few requests of one client, then of two, on several keys; and large costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial

from limiters.contract import Quota
from limitproof.check.tales.acts import promise_of_story
from limitproof.check.tales.contract import contract
from limitproof.check.yardstick import Yardstick
from limitproof.history.outcome import Outcome
from limitproof.simulate.refusal import RefusedError
from limitproof.verify.experiments.experiment import Experiment, Played, Summary, Trial
from limitproof.verify.experiments.hand import Hand
from limitproof.verify.laboratory import MOST_ROOM, Laboratory
from limitproof.verify.searches.directed import MANY, large_costs

MOST = 20  # requests: those of a large limit are all alike


def _alone(limit: int, hand: Hand) -> None:
    hand.asks(min(limit + 1, MOST))


def _at_once(hand: Hand) -> None:
    """All that pass at once where these are many, at one instant, and one more."""
    hand.asks(hand.room + 1, spacing=0)


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
    if MOST <= laboratory.yardstick(laboratory.quota).limit <= MOST_ROOM:
        yield Trial(_at_once)
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
        room = Yardstick.of(promise_of_story(each.story)).limit
        if len(said) == room + 1 > MOST and Outcome.REJECTED not in said:
            return f"nothing was ever refused, of {len(said)} requests where {room} pass at once"
    return ""


CONTRACT = Experiment("contract", contract, _trials, _sum_up, empty=_whatever, costly=False)
