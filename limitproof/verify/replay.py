"""Playing a saved story again, perhaps on a limiter that has changed since."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from limiters.contract import Quota
from limiters.registry import Target
from limitproof.check.tales.acts import promise_of_story
from limitproof.check.tales.contract import contract
from limitproof.check.tales.judges import JUDGES
from limitproof.schedules import ScheduleError
from limitproof.simulate.refusal import RefusedError
from limitproof.simulate.replay import Replayed
from limitproof.stories import Story, Tale
from limitproof.verify.experiments.catalogue import EXPERIMENTS
from limitproof.verify.laboratory import Subject, open_laboratory, shown
from limitproof.verify.player import StoryError

LONGEST = 3600.0  # seconds; a story has no budget
ALL: Mapping[str, Callable[[Tale, Story], str]] = {
    "contract": contract,
    **JUDGES,
    **{check.name: check.judge for check in EXPERIMENTS},
}


@dataclass(frozen=True, slots=True)
class ReplayedStory:
    """What came of a story; tale is None when it could not be played."""

    result: Replayed
    said: str
    tale: Tale | None = None


def check_story(story: Story) -> None:
    """Raises ScheduleError when no check, or no promise, is what the story says."""
    if story.shows not in ALL:
        raise ScheduleError(f"no check is called {story.shows!r}; there are {', '.join(ALL)}")
    try:
        promise_of_story(story)
    except (TypeError, ValueError) as error:
        raise ScheduleError(f"its promise is none: {error}") from error


def replay_story(story: Story, target: Target, *, program: Path | None = None) -> ReplayedStory:
    """Play it from an empty server and judge it by the check that failed in it.

    story: one that `check_story` has let pass. A limiter that raises now is not FIXED. Raises
    ServerError when there is no server, no libfaketime, or the server dies.
    """
    judge = ALL[story.shows]
    quota = Quota(story.limit, story.window)
    subject = Subject(target, quota, promise_of_story(story), story.seed, story.granularity)
    try:
        with (
            open_laboratory(subject, LONGEST, program=program) as laboratory,
            laboratory.world(clients=story.clients) as world,
        ):
            tale = shown(world, story)
    except RefusedError as refusal:
        return ReplayedStory(Replayed.ERROR, f"not simulated: {refusal}")
    except StoryError as error:
        return ReplayedStory(
            Replayed.ERROR, f"the limiter does other things than it did in the story: {error}"
        )
    why = judge(tale, story)
    if why:
        return ReplayedStory(Replayed.STILL_FAILS, f"{story.shows}: {why}", tale)
    if raised := contract(tale, story):
        return ReplayedStory(Replayed.ERROR, raised, tale)
    return ReplayedStory(Replayed.FIXED, f"{story.shows} does not fail in this story", tale)
