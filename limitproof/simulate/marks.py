"""What a connection remembers when its reply has been read: keys that it watches, a MULTI.

Whatever is left of that would be in the next run, too: there, emptying the server touches the
watched key, and the first EXEC fails for no reason (https://redis.io/docs, Transactions).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum


class Mark(Enum):
    """NONE: as good as a new connection. QUEUES: what is sent waits for its EXEC."""

    NONE = 0
    WATCHES = 1
    QUEUES = 2


# UNWATCH is queued within a MULTI; EXEC and DISCARD are errors outside of one, and end nothing.
AFTER = {
    (b"WATCH", Mark.NONE): Mark.WATCHES,
    (b"UNWATCH", Mark.WATCHES): Mark.NONE,
    (b"MULTI", Mark.NONE): Mark.QUEUES,
    (b"MULTI", Mark.WATCHES): Mark.QUEUES,
    (b"EXEC", Mark.QUEUES): Mark.NONE,
    (b"DISCARD", Mark.QUEUES): Mark.NONE,
}


def marked_by(commands: Iterable[Sequence[bytes]], before: Mark) -> Mark:
    """The mark that these commands, each a list of words, leave on a connection that had one."""
    mark = before
    for words in commands:
        mark = AFTER.get((words[0].upper(), mark), mark)
    return mark
