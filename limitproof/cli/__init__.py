"""The command line."""

from limitproof.cli.main import main

__all__ = ["main"]
