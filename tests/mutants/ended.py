"""How a process ended that judged a mutant."""

from __future__ import annotations

from dataclasses import dataclass

GRACE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended; code None: it took too long, or it was stopped."""

    code: int | None
    out: str
