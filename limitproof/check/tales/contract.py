"""`contract`: every request is answered with a Decision, as long as nothing has gone wrong."""

from __future__ import annotations

from limitproof.check.tales.acts import FAULTS
from limitproof.check.tales.words import asked_at
from limitproof.history.outcome import Outcome
from limitproof.stories import Story, Tale


def contract(tale: Tale, story: Story) -> str:
    """Which request was not answered with a Decision; "" when each was.

    What a limiter does under faults is for the checks that are named after them.
    """
    if any(isinstance(one, FAULTS) for one in story.events):
        return ""
    for one in tale.operations:
        if one.outcome is Outcome.ERROR:
            return f"the request {asked_at(tale, one)} got no Decision: {one.error}"
    return ""
