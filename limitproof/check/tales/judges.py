"""The judges of what a model can tell, by the name of their check."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from limitproof.check.tales.acts import promise_of_story
from limitproof.check.tales.false_rejection import false_rejection
from limitproof.check.tales.overshoot import overshoot
from limitproof.check.tales.remaining import remaining
from limitproof.check.tales.retry_after import retry_after
from limitproof.check.tales.twins import contamination, weights
from limitproof.stories import Story, Tale


def _of_contamination(tale: Tale, _story: Story) -> str:
    return contamination(tale)


def _by(judge: Callable[..., str]) -> Callable[[Tale, Story], str]:
    return lambda tale, story: judge(tale, promise_of_story(story))


JUDGES: Mapping[str, Callable[[Tale, Story], str]] = {
    "overshoot": _by(overshoot),
    "false-rejection": _by(false_rejection),
    "contamination": _of_contamination,
    "remaining": _by(remaining),
    "retry-after": _by(retry_after),
    "weights": _by(weights),
}
"""Why a check fails in a tale, in one sentence; "" when it does not."""
