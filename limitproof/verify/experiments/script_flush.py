"""`script-flush`: SCRIPT FLUSH between two requests, before each, between two commands of one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from limitproof.check.tales.script_flush import script_commands, script_flush
from limitproof.check.verdict import Verdict
from limitproof.stories import Forget
from limitproof.verify.experiments.experiment import (
    Experiment,
    Played,
    Summary,
    Trial,
    at_each_step,
)
from limitproof.verify.experiments.hand import Hand
from limitproof.verify.laboratory import Laboratory

QUARTERS = 9  # of a window


def _between(hand: Hand) -> None:
    """A flush between two requests; each client was made before it."""
    for flush in (False, True):
        hand.asks(1)
        if flush:
            hand.do(Forget())
        hand.asks(hand.room)
        if not flush:
            hand.again()


def _before_each(hand: Hand) -> None:
    """Who loads a script again must do so as often as it takes."""
    for flush in (False, True):
        for _ in range(hand.room + 1):
            hand.asks(1)
            if flush:
                hand.do(Forget())
        if not flush:
            hand.again()


def _over_time(hand: Hand) -> None:
    """A flush before each request of two windows: some scripts are for what is late in one."""
    quarter = round(hand.player.world.cast.quota.window * 250_000)
    for flush in (False, True):
        hand.asks(hand.room + 1)
        for _ in range(QUARTERS):
            hand.wait(quarter)
            if flush:
                hand.do(Forget())
            hand.asks(1)
        if not flush:
            hand.again()


def _within(steps: int, over: list[bool], hand: Hand) -> None:
    """A flush after so many steps of a request."""
    for flush in (False, True):
        if not hand.begin(0, steps):
            over.append(True)
            return
        if flush:
            hand.do(Forget())
        hand.finish(0)
        hand.asks(1)
        if not flush:
            hand.again()


def _trials(laboratory: Laboratory, played: Sequence[Played]) -> Iterator[Trial]:
    quota = laboratory.small(most=3)
    yield Trial(_between, quota, shown=True)
    yield Trial(_before_each, quota)
    yield Trial(_over_time, quota)
    if played and script_commands(played[0].tale):
        yield from at_each_step(
            played, lambda steps, over: Trial(partial(_within, steps, over), quota), first=0
        )


def _sum_up(played: Sequence[Played]) -> Summary:
    seen = script_commands(played[0].tale)
    measured = {"scripts": seen}
    if not any(name.startswith("EVAL") for name in seen):
        what = "only functions, which a flush of scripts leaves" if seen else "no script"
        return Summary(f"it runs {what}", Verdict.NOT_TOLD, measured)
    if not any(name.startswith("EVALSHA") for name in seen):
        return Summary("it sends its scripts as text, each time", measured=measured)
    return Summary("flushed scripts are loaded again", measured=measured)


SCRIPT_FLUSH = Experiment("script-flush", script_flush, _trials, _sum_up)
