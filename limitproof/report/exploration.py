"""One exploration as a person sees it: on the terminal, and as a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from limitproof.check.interleavings import judgement_of
from limitproof.check.verdict import Judgement
from limitproof.explored import BAD, Explored
from limitproof.report.cards import ChecksCard, checks_card
from limitproof.report.counterexamples import of_exploration
from limitproof.report.html import write_checks_report
from limitproof.report.interleaving import columns
from limitproof.report.steps import drawn, visible

MOST_ROWS = 120  # steps of one run on the terminal


def show(console: Console, one: Explored, folder: Path, *, verbose: bool) -> None:
    """What was covered, and the smallest counterexample; all of them when `verbose`."""
    server = " ".join(one.server.get(key, "") for key in ("name", "version"))
    console.print(f"{one.limiter}: {one.cast}, {server}".rstrip(", "))
    for shown in one.counterexamples if verbose else one.shown[:1]:
        console.print()
        console.print(columns(shown.run, most=MOST_ROWS))
        first, last = drawn(len(shown.run.steps), MOST_ROWS)
        if last:
            console.print(f"{last.start - first.stop:,} steps in the middle are not shown")
        console.print(f"\nbecause {visible(shown.because)}")
        console.print(
            f"{shown.check}: {len(shown.run.steps)} steps, {shown.run.switches} context switches, "
            f"schedule {shown.schedule.token} ({folder / shown.file})"
        )
    console.print()
    if worst := _worst(one):
        console.print(f"worst overshoot{'' if one.complete else ' seen'}: {worst}")
    for check in BAD:
        if share := one.share(check):
            console.print(share)
    console.print(f"covered: {one.sentence}, in {one.seconds:.2f} s")
    if one.beyond:
        console.print(f"beyond one instant: {one.beyond}")
    if one.doubt:
        console.print(f"not complete: {one.doubt}")


def write_page(one: Explored, folder: Path, *, stopped: str = "") -> Path:
    """Draw report.html into the folder of an exploration; its path. Raises OSError."""
    judgement = judgement_of(one)

    def cards(brief: bool) -> Sequence[ChecksCard]:
        return (_card(one, judgement, folder, brief=brief),)

    return write_checks_report(folder, cards, stopped=stopped)


def _card(one: Explored, judgement: Judgement, folder: Path, *, brief: bool) -> ChecksCard:
    facts = (
        ("explored", one.cast),
        ("covered", f"{one.sentence}, in {one.seconds:.2f} s"),
        ("beyond one instant", one.beyond),
        ("not complete", one.doubt),
        ("worst overshoot", _worst(one)),
        ("server", " ".join(one.server.get(key, "") for key in ("name", "version"))),
        ("seed", str(one.seed)),
    )
    drawings = [of_exploration(one, shown, folder, brief=brief) for shown in one.shown]
    return checks_card(judgement, facts, drawings)


def _worst(one: Explored) -> str:
    return f"{one.worst.measure} over a limit of {one.limit}" if one.worst else ""
