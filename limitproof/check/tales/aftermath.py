"""What comes after a fault, compared with what comes when the request never came."""

from __future__ import annotations

from collections.abc import Sequence

from limitproof.check.tales.acts import SECOND, admitted, answer, first_late
from limitproof.history.outcome import Outcome
from limitproof.stories import Operation


def lost_places(after: Sequence[Operation], same: Sequence[Operation], window: int) -> int:
    """How many fewer are admitted in `after` than in `same`, before the long wait.

    Both are the same requests; window in µs. Which of them come before the wait is seen in `same`:
    after a fault one may begin late because the one before it waited for a lock.
    """
    soon = first_late(same, window)
    return admitted(same[:soon]) - admitted(after[:soon])


def blocked(after: Sequence[Operation], same: Sequence[Operation], window: int) -> str:
    """Who gets no answer, or is refused after the long wait, though not in `same`; "" for nobody.

    Before the long wait a refusal may be the faulty request's doing, and is no block.
    """
    soon = first_late(same, window)
    for number, (one, other) in enumerate(zip(after, same, strict=True)):
        passed = f"{(one.begun - after[0].begun) / SECOND:.3g} s"
        if one.outcome is Outcome.UNKNOWN and other.outcome is not Outcome.UNKNOWN:
            return f"another waits without end after it, which {answer(other)} if it never came"
        if one.outcome is not other.outcome and (number >= soon or one.outcome is Outcome.ERROR):
            return f"{passed} later another {answer(one)}, which {answer(other)} if it never came"
    return ""
