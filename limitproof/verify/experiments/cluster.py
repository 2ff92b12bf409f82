"""`cluster`: the keys of each command, and those that its script touches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from limitproof.check.tales.acts import MILLISECOND
from limitproof.check.tales.cluster import cluster
from limitproof.check.verdict import Verdict
from limitproof.stories import Tale
from limitproof.verify.experiments.experiment import (
    Experiment,
    Played,
    Summary,
    Trial,
    told_by,
)
from limitproof.verify.experiments.hand import Hand
from limitproof.verify.laboratory import Laboratory

KEY = "user:7"
REFUSALS = 5
NEAR = 50 * MILLISECOND  # before a key ends


def _at_once(hand: Hand) -> None:
    """All that is admitted, and more: a refusal may touch another key, or only the third one."""
    hand.asks(hand.room + REFUSALS, key=KEY)
    hand.ask_too_much(KEY)


def _later(hand: Hand) -> None:
    """Shortly before its keys end, after they have, and some windows later."""
    window = round(hand.player.world.cast.quota.window * 1_000_000)
    hand.asks(1, key=KEY)
    ends = [end for entry in hand.player.world.snapshot().entries for end in entry.every_end]
    hand.wait(min((end for end in ends if end >= 0), default=0) * MILLISECOND - hand.instant - NEAR)
    for pause in (2 * NEAR, window, 3 * window):
        hand.asks(1, key=KEY)
        hand.wait(pause)
    _at_once(hand)


def _trials(laboratory: Laboratory, _played: Sequence[Played]) -> Iterator[Trial]:
    quota = laboratory.small(most=3)
    yield Trial(_at_once, quota, shown=True)
    yield Trial(_later, quota, shown=True)


def _smaller(found: Played) -> Iterator[Trial]:
    """The story as far as it takes to fail."""
    for length in range(1, len(found.story.events)):
        if cluster(Tale((), (), found.tale.happenings[:length]), found.story):
            yield Trial(told_by(found.story.events[:length]), shown=True)
            return


def _sum_up(played: Sequence[Played]) -> Summary:
    if not any(told.raw for one in played for told in one.tale.happenings):
        return Summary("it sends nothing: it touches no key", Verdict.NOT_TOLD)
    return Summary("every key is declared, and no command or script spans two slots")


CLUSTER = Experiment("cluster", cluster, _trials, _sum_up, _smaller)
