"""What `limitproof verify` has found on a limiter, for a person: on the terminal, and as a page."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from markupsafe import Markup, escape
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment
from rich.text import Text

from limitproof.check.verdict import Cause, CheckResult, Judgement, Verdict
from limitproof.explored import Counterexample
from limitproof.report.cards import ChecksCard, checks_card
from limitproof.report.counterexamples import Diagram, diagram
from limitproof.report.example import as_text, example
from limitproof.report.html import write_checks_report
from limitproof.report.steps import visible
from limitproof.report.table import checks_table
from limitproof.schedules import Run, Schedule
from limitproof.stories import Story, Tale

STORIES = 3  # told in full; the others by the command that tells them
QUOTA = re.compile("^not simulated with [^:]+:")
MOST_LINES = 32  # of one story: it fits on one screen
ORDER = (Verdict.FAIL, Verdict.UNKNOWN, Verdict.PASS, Verdict.NOT_TOLD)


@dataclass(frozen=True, slots=True)
class Example:
    """The shortest story (or schedule) that was found in which a check fails, and how it went."""

    result: CheckResult
    story: Story | Schedule
    tale: Tale | Run

    @property
    def file(self) -> str:
        """Where the story is kept, within the folder of the run."""
        return f"schedules/{self.story.token}.json"

    def command(self, folder: Path) -> str:
        """What runs it again."""
        return shlex.join(["limitproof", "replay", str(folder / self.file)])


@dataclass(frozen=True, slots=True)
class Verified:
    """All checks of one limiter in their order, and an example of each that fails."""

    judgement: Judgement
    examples: Mapping[str, Example]

    @property
    def failures(self) -> tuple[Example, ...]:
        """What matters first: not what is accepted, and the simplest cause.

        That a run ends as no order does (`linearizable`) is mostly shown by another check as well.
        """
        causes = list(Cause)

        def rank(one: Example) -> tuple[bool, bool, int]:
            cause = causes.index(one.result.cause) if one.result.cause else len(causes)
            return one.result.accepted, one.result.name == "linearizable", cause

        every = [self.examples.get(check.name) for check in self.judgement.checks]
        return tuple(sorted((one for one in every if one is not None), key=rank))


def by_weight(judgement: Judgement) -> Judgement:
    """The same, failures first, then what is unknown; what is accepted after what is not."""

    def rank(check: CheckResult) -> tuple[int, bool]:
        return ORDER.index(check.verdict), check.accepted

    return replace(judgement, checks=tuple(sorted(judgement.checks, key=rank)))


def no_check(judgement: Judgement) -> str:
    """Why none of the checks could be made, where it is one reason for all; else "".

    Some say at which quota, or what was seen before.
    """
    reasons = [QUOTA.sub("not simulated:", check.because) for check in judgement.checks]
    shortest = min(reasons, key=len, default="")
    unknown = all(check.verdict is Verdict.UNKNOWN for check in judgement.checks)
    return shortest if unknown and all(one.startswith(shortest) for one in reasons) else ""


def show(console: Console, found: Verified, folder: Path, *, verbose: bool, alone: bool) -> None:
    """The table of checks, and the stories of failures: the first few, all of them if `verbose`.

    alone: False where other limiters follow: only what did not pass, and stories if `verbose`.
    """
    judgement = by_weight(found.judgement)
    if why := no_check(judgement):
        console.print(f"{judgement.limiter}: no check could be made: {visible(why)}")
        return
    tokens = {name: one.story.token for name, one in found.examples.items()}
    console.print(checks_table(judgement, verbose=verbose or alone, tokens=tokens))
    if not (alone or verbose):
        return
    told = found.failures if verbose else found.failures[:STORIES]
    for one in told:
        console.print()
        body = example(one.story, one.tale, one.result.because)
        console.print(body if verbose else Cropped(body, MOST_LINES))
        console.print(Text(f"replay: {one.command(folder)}", "dim"), soft_wrap=True)
    if rest := found.failures[len(told) :]:
        console.print("\nFolded, to be told by -v or one by one:")
        for one in rest:
            line = f"  {one.result.name}: {one.command(folder)}"
            console.print(Text(line), soft_wrap=True)


@dataclass(frozen=True, slots=True)
class Cropped:
    """At most so many lines of something; what is left out in the middle is told."""

    body: RenderableType
    most: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = console.render_lines(self.body, options, pad=False)
        out = len(lines) - self.most
        head = lines if out <= 0 else lines[: self.most * 2 // 3]
        for line in head:
            yield from line
            yield Segment.line()
        if out <= 0:
            return
        yield Text(f"… {out} lines in the middle are folded; -v shows them", "dim")
        for line in lines[len(head) + out :]:
            yield from line
            yield Segment.line()


def write_page(
    folder: Path, verified: Sequence[Verified], facts: Sequence[tuple[str, str]], stopped: str = ""
) -> Path:
    """Draw report.html into the folder of a run; its path. Raises OSError.

    facts: names and texts that are told of each limiter.
    """

    def cards(brief: bool) -> Sequence[ChecksCard]:
        return [
            _card(number, one, folder, facts, brief=brief) for number, one in enumerate(verified, 1)
        ]

    return write_checks_report(folder, cards, stopped=stopped)


def _card(
    number: int, one: Verified, folder: Path, facts: Sequence[tuple[str, str]], *, brief: bool
) -> ChecksCard:
    judgement = by_weight(one.judgement)
    quota, server = judgement.quota, judgement.server
    told = [
        ("quota", f"{quota['limit']} in {quota['window']:g} s"),
        ("server", " ".join(server.get(key, "") for key in ("name", "version"))),
        ("seed", str(judgement.seed)),
        *facts,
    ]
    drawn = [_drawn(each, folder, f"{number}-", brief=brief) for each in one.failures]
    return checks_card(judgement, told, drawn, number=number)


def _drawn(one: Example, folder: Path, name: str, *, brief: bool) -> Diagram:
    check = one.result.name
    accepted = ("accepted as a known risk",) if one.result.accepted else ()
    if isinstance(one.story, Schedule):
        assert isinstance(one.tale, Run)
        size = int(one.result.measured.get("size", 1))
        shown = Counterexample(check, size, one.story, one.tale, one.result.because)
        return diagram(shown, folder, accepted, name=f"{name}{check}-", brief=brief)
    # Without its last line, which is the reason that stands above it.
    text = as_text(one.story, one.tale, one.result.because).rpartition(f"\n{check}: ")[0]
    return Diagram(
        check=f"{check}: {len(one.story.events)} events",
        because=visible(one.result.because),
        facts=accepted,
        token=one.story.token,
        command=one.command(folder),
        svg=Markup("<pre>{}</pre>").format(escape(text)),
        words=(),
        kind="story",
    )
