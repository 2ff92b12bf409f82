"""`clock-skew`: clients whose clocks differ are admitted, refused and told as if they did not."""

from __future__ import annotations

from limitproof.check.tales.acts import SECOND, acts, admitted, answer
from limitproof.check.tales.alike import near
from limitproof.check.tales.retry_after import told_of
from limitproof.history.outcome import Outcome
from limitproof.stories import Operation, Skew, Story, Tale


def clock_skew(tale: Tale, story: Story) -> str:
    """How a clock that is off changes what is admitted, or what is told; "" when it does not.

    Two acts of the same requests at the same instants: with the clock off, and with it right.
    """
    parts = acts(tale)
    skew = next((one for one in story.events if isinstance(one, Skew)), None)
    if skew is None or len(parts) != 2:
        return ""
    off, right = (part.operations for part in parts)
    side = "ahead" if skew.microseconds > 0 else "behind"
    clock = f"with its clock {abs(skew.microseconds) / 1000:g} ms {side}, a client"
    for number, (one, other) in enumerate(zip(off, right, strict=True)):
        if one.outcome is other.outcome and not _told_otherwise(one, other):
            continue
        passed = (one.begun - off[0].begun) / SECOND
        wrong = ""
        if one.outcome is Outcome.ADMITTED and other.outcome is not Outcome.ADMITTED:
            more = admitted(off) - admitted(right)
            wrong = f": {more} too many"
        when = f"{passed:g} s after the first of {number} requests"
        return f"{clock} {answer(one)} {when}, where it {answer(other)} with the right time{wrong}"
    return ""


def _told_otherwise(one: Operation, other: Operation) -> bool:
    """Whether both tell how long to wait, or how much is left, and not the same."""
    mine, theirs = told_of(one), told_of(other)
    if mine is not None and theirs is not None and not near(mine, theirs):
        return True
    left = [each.decision.remaining for each in (one, other) if each.decision is not None]
    return len(left) == 2 and None not in left and left[0] != left[1]
