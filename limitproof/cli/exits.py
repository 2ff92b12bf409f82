"""Exit codes."""

from __future__ import annotations

from enum import IntEnum

from limitproof.check.verdict import Verdict


class Exit(IntEnum):
    """What the process's exit code means."""

    PASS = 0
    FAIL = 1  # a defect, or a crossed threshold
    USAGE = 2
    UNKNOWN = 3
    ENVIRONMENT = 4  # no Redis, a port taken, a disk full
    INTERNAL = 70


def exit_of(verdict: Verdict) -> Exit:
    """The exit code that stands for a verdict."""
    match verdict:
        case Verdict.PASS | Verdict.NOT_TOLD:
            return Exit.PASS
        case Verdict.FAIL:
            return Exit.FAIL
        case Verdict.UNKNOWN:
            return Exit.UNKNOWN
