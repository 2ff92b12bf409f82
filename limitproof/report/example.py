"""The smallest example of a failure, for a person: a story, or an interleaving in columns."""

from __future__ import annotations

import io

from rich.console import Console, Group, RenderableType

from limitproof.report.interleaving import columns
from limitproof.report.story import told
from limitproof.schedules import Run, Schedule
from limitproof.stories import Story, Tale

WIDTH = 110  # characters, where nobody says how wide it may be


def example(story: Story | Schedule, tale: Tale | Run, because: str) -> RenderableType:
    """What happened, and why that is a failure."""
    if isinstance(tale, Run):
        return Group(columns(tale), f"\nbecause {because}")
    assert isinstance(story, Story)
    return told(story, tale, because)


def as_text(story: Story | Schedule, tale: Tale | Run, because: str) -> str:
    """The same as plain text, for a test's message."""
    console = Console(file=io.StringIO(), width=WIDTH, color_system=None)
    with console.capture() as captured:
        console.print(example(story, tale, because))
    return "\n".join(line.rstrip() for line in captured.get().splitlines())
