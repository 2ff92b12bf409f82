"""Where and how text is printed."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, cast

from rich.console import Console
from rich.text import Text

from limitproof.check.verdict import Verdict

PLAIN_WIDTH = 160  # columns where there is no terminal to ask

BLANKS = re.compile(r"[ \t]+(?=\n)")

STYLES = {
    Verdict.PASS: "green",
    Verdict.FAIL: "bold red",
    Verdict.UNKNOWN: "yellow",
    Verdict.NOT_TOLD: "dim",
}


@contextmanager
def while_read(stream: IO[str]) -> Iterator[None]:
    """Write to a stream, or nowhere from when its reader has gone (`| head`).

    The command goes on: its exit code is its verdict, whoever has seen enough of the words.
    """
    try:
        yield
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


class _Trimmed:
    """A stream whose lines end in no blanks: rich pads tables to the width of a terminal."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with while_read(self._stream):
            self._stream.write(BLANKS.sub("", text))
        return len(text)

    def flush(self) -> None:
        with while_read(self._stream):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def console_for(*, stderr: bool = False) -> Console:
    """A console on standard output, or on standard error when that is kept for JSON.

    Plain lines where it is not a terminal, and where NO_COLOR is set: rich would leave out the
    colours only, and go on with bold letters and a cursor that moves. Brackets and colons are
    what they are: names and messages come from limiters and files.
    """
    stream = sys.stderr if stderr else sys.stdout
    console = Console(
        file=cast(IO[str], _Trimmed(stream)),
        force_terminal=False if os.environ.get("NO_COLOR") else None,
        highlight=False,
        soft_wrap=False,
        markup=False,
        emoji=False,
    )
    if not stream.isatty():
        console.width = PLAIN_WIDTH
    return console


def styled(verdict: Verdict) -> Text:
    """A verdict in its colour."""
    return Text(verdict.value, style=STYLES[verdict])
