"""Errors that are not ours: each becomes one line and an exit code, wherever it is raised."""

from __future__ import annotations


class BadInputError(Exception):
    """What the user gave is of no use; the message says what to do next. Exit code 2."""


class BadEnvironmentError(Exception):
    """The machine lacks something, or something there fails. Exit code 4."""
