"""What is known of a registered limiter, held against what was found."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from limiters.registry import KNOWN, REGISTRY, Entry
from limitproof.check.interleavings import judge_explorations, with_explorations
from limitproof.check.judge import CHECKS, judge
from limitproof.check.verdict import Cause, Judgement, Verdict, merge
from limitproof.events import LimiterJudged
from limitproof.explored import Explored
from limitproof.history.columns import History

IN_ONE_INSTANT: tuple[Literal["overshoot", "linearizable"], ...] = ("overshoot", "linearizable")
"""The checks whose races an exploration has to show. The races that refuse somebody in vain need
an entry to expire meanwhile, and several requests of one client, in every registered limiter."""


def judged_against_known(
    history: History, folder: Path, explored: Sequence[Explored] = ()
) -> LimiterJudged:
    """A history and what exploring has shown, judged together, and what differs from what the
    registry knows of the limiter. folder: where the files of this limiter are."""
    known = next((entry for entry in KNOWN if entry.name == history.meta.target), None)
    judgement = with_explorations(judge(history), explored)
    return LimiterJudged(
        limiter=history.meta.limiter,
        written_by=history.meta.written_by,
        history=history,
        judgement=judgement,
        folder=folder,
        registered=known is not None,
        surprises=surprises(known, judgement),
        missed=missed(known, judgement, explored),
        explored=tuple(explored),
    )


def surprises(entry: Entry | None, judgement: Judgement) -> tuple[str, ...]:
    """The checks that a registered limiter fails though it should not: it is wrong, or we are."""
    if entry is None:
        return ()
    known: set[str] = set(entry.fails)
    found = {check.name for check in judgement.checks if check.verdict is Verdict.FAIL}
    return tuple(sorted(found - known))


def missed(entry: Entry | None, judgement: Judgement, explored: Sequence[Explored] = ()) -> str:
    """What this run should have shown of a registered limiter and did not, in words, or "".

    A fault of the algorithm shows every time; a race may stay hidden under load, but not from an
    exploration. A limiter that is known to fail none of the checks here has to pass.
    """
    if entry is None:
        return ""
    judged = {check.name for check in CHECKS}
    known = {name: cause for name, cause in entry.fails.items() if name in judged}
    if not known and judgement.verdict is not Verdict.PASS:
        return f"should pass and is {judgement.verdict.value}"
    if Cause.ALGORITHM in known.values() and judgement.verdict is not Verdict.FAIL:
        return f"is known to fail {', '.join(known)} and is {judgement.verdict.value}"
    raced = {name for name in IN_ONE_INSTANT if entry.fails.get(name) == "race"} - entry.slow
    for check in judge_explorations(explored):
        if check.name in raced and check.verdict is not Verdict.FAIL:
            return f"has a race ({check.name}) that exploring does not show: {check.because}"
    return ""


def verdict_of(judged: Sequence[LimiterJudged], stopped: str = "") -> Verdict:
    """The verdict of a run.

    A run of all reference limiters, most of which are wrong on purpose, passes when each does
    what is known of it. Any other run has the merged verdict of its limiters.
    """
    if {one.limiter for one in judged} != {known.name for known in REGISTRY}:
        return merge(one.judgement.verdict for one in judged)
    if any(one.surprises for one in judged):
        return Verdict.FAIL
    if stopped or any(one.missed for one in judged):
        return Verdict.UNKNOWN
    return Verdict.PASS
