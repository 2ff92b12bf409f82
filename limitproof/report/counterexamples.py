"""What a page shows of an exploration: sequence diagrams with their words, and what was covered."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from limitproof.check.interleavings import judge_explorations
from limitproof.check.verdict import Judgement
from limitproof.explored import Counterexample, Explored
from limitproof.report.sequence import MOST_STEPS, sequence
from limitproof.report.steps import in_words, visible

MOST_BRIEF = 12  # steps drawn where the page has to be small
MOST_WORDS = 60  # steps told as text


@dataclass(frozen=True, slots=True)
class Diagram:
    """A drawn counterexample: a schedule, or a story as text.

    svg: safe to put on a page; facts: sentences below it, the share and what was covered among
    them; command: what runs it again; words: the steps as text.
    """

    check: str
    because: str
    facts: tuple[str, ...]
    token: str
    command: str
    svg: Markup
    words: tuple[str, ...]
    kind: str = "schedule"


def diagram(
    shown: Counterexample,
    folder: Path,
    facts: Sequence[str] = (),
    *,
    name: str = "",
    brief: bool = False,
) -> Diagram:
    """A counterexample whose schedule lies in `folder`; `name` tells it from others of a page."""
    said, token = headline(shown), shown.schedule.token
    svg = sequence(
        shown.run,
        name=f"{name}{token}",
        title=said,
        about=f"because {shown.because}",
        most=MOST_BRIEF if brief else MOST_STEPS,
        full=not brief,
    )
    return Diagram(
        check=said,
        because=visible(shown.because),
        facts=tuple(filter(None, map(visible, facts))),
        token=token,
        command=replay_command(shown, folder),
        svg=Markup(svg),  # noqa: S704 - `sequence` escapes whatever it is given
        words=() if brief else in_words(shown.run, MOST_WORDS),
    )


def headline(shown: Counterexample) -> str:
    """What it shows and how long it is."""
    size = f", {shown.measure} over the limit" if shown.check == "overshoot" else ""
    steps, turns = len(shown.run.steps), shown.run.switches
    return f"{shown.check}{size}: {steps} steps, {turns} context switches"


def replay_command(shown: Counterexample, folder: Path) -> str:
    """What runs it again; its schedule lies in `folder`."""
    return shlex.join(["limitproof", "replay", str(folder / shown.file)])


def diagrams(
    explored: Sequence[Explored],
    judgement: Judgement,
    folder: Path,
    *,
    name: str = "",
    brief: bool = False,
) -> tuple[Diagram, ...]:
    """The counterexamples that the judgement's checks name, drawn."""
    return tuple(
        of_exploration(one, shown, folder, name, brief=brief)
        for one, shown in named(explored, judgement)
    )


def named(
    explored: Sequence[Explored], judgement: Judgement
) -> tuple[tuple[Explored, Counterexample], ...]:
    """The counterexamples that the judgement's checks name, each once, and whose they are.

    A disorder only where it is all there is.
    """
    files = {check.counterexample for check in judgement.checks}
    every = [(one, shown) for one in explored for shown in one.counterexamples]
    found = {shown.file: (one, shown) for one, shown in every if shown.file in files}
    others = [pair for pair in found.values() if pair[1].check != "linearizable"]
    return tuple(others or found.values())


def of_exploration(
    one: Explored, shown: Counterexample, folder: Path, name: str = "", *, brief: bool = False
) -> Diagram:
    """A counterexample with what its exploration knows besides."""
    facts = (one.share(shown.check), f"covered: {covered(one)}")
    return diagram(shown, folder, facts, name=name, brief=brief)


def covered(one: Explored) -> str:
    """Who played and what was covered, in a sentence."""
    doubt = "" if not one.doubt or one.doubt in one.sentence else f"; {one.doubt}"
    beyond = f"; {one.beyond}" if one.beyond else ""
    return f"{one.cast}: {one.sentence}{beyond}{doubt}, in {one.seconds:.2f} s"


def in_short(explored: Sequence[Explored]) -> str:
    """What exploring has shown, in a cell of a table: a word and the smallest size."""
    if not explored:
        return "-"
    for check in judge_explorations(explored):
        if check.cause is not None:
            return f"{check.cause.value}, {check.measured['steps']} steps"
    if all(one.strategy == "none" for one in explored):
        return "not explored"
    if any(one.complete and not one.doubt for one in explored):
        return f"{sum(one.states for one in explored if one.complete):,} states"
    return "unfinished"
