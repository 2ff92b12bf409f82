"""The command line."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def begin(arguments: Sequence[str] | None = None) -> None:
    """The console script: `main.main`. Ctrl-C while that is imported leaves no traceback."""
    try:
        from limitproof.cli.main import main as command
    except KeyboardInterrupt:
        sys.stderr.write("limitproof: stopped by Ctrl-C\n")
        sys.exit(3)  # `exits.Exit.UNKNOWN`, which may not be imported yet
    command(arguments)


__all__ = ["begin"]
