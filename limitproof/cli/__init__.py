"""The command line."""

from __future__ import annotations

import sys


def main() -> None:
    """The console script: Ctrl-C while this is still imported leaves no traceback, either."""
    try:
        from limitproof.cli.main import main as command
    except KeyboardInterrupt:
        sys.stderr.write("limitproof: stopped by Ctrl-C\n")
        sys.exit(3)  # `exits.Exit.UNKNOWN`, which may not be imported yet
    command()


__all__ = ["main"]
