"""Errors that are not ours: each becomes one line and an exit code, wherever it is raised."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class BadInputError(Exception):
    """What the user gave is of no use; the message says what to do next. Exit code 2."""


class BadEnvironmentError(Exception):
    """The machine lacks something, or something there fails. Exit code 4."""


def guess(name: str, known: Iterable[str]) -> str:
    """A question for whoever has mistyped a name, with a space after it; "" where none is near."""
    close = get_close_matches(name, list(known), 1)
    return f"did you mean {close[0]}? " if close else ""
