"""How an operation ended.

Apart from the columns of a history, so that who only plays and judges single runs needs no numpy.
"""

from __future__ import annotations

from enum import IntEnum


class Outcome(IntEnum):
    """How an operation ended, as the client saw it."""

    UNKNOWN = 1  # no answer: the client died, or the connection did; it may have been admitted
    ADMITTED = 2
    REJECTED = 3
    ERROR = 4  # the limiter raised, or answered with something that is no Decision
    DROPPED = 5  # open loop: never sent, the client was too far behind its schedule
