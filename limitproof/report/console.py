"""Where and how text is printed."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from limitproof.check.verdict import Verdict

PLAIN_WIDTH = 160  # columns where there is no terminal to ask

STYLES = {
    Verdict.PASS: "green",
    Verdict.FAIL: "bold red",
    Verdict.UNKNOWN: "yellow",
    Verdict.NOT_TOLD: "dim",
}


def console_for(*, stderr: bool = False) -> Console:
    """A console on standard output, or on standard error when that is kept for JSON.

    Plain lines where it is not a terminal; NO_COLOR is obeyed (rich does). Brackets and colons
    are what they are: names and messages come from limiters and files.
    """
    console = Console(stderr=stderr, highlight=False, soft_wrap=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    return console


def styled(verdict: Verdict) -> Text:
    """A verdict in its colour."""
    return Text(verdict.value, style=STYLES[verdict])
