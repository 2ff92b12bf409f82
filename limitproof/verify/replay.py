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
from limitproof.simulate.world import World
from limitproof.stories import Finish, Go, Story, Tale
from limitproof.verify.experiments.catalogue import EXPERIMENTS
from limitproof.verify.laboratory import Subject, open_laboratory
from limitproof.verify.player import Player, StoryError

FEWER = ", in which its requests take fewer steps now"
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
            tale, fewer = _retold(world, story)
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
    said = f"{story.shows} does not fail in this story"
    return ReplayedStory(Replayed.FIXED, said + (FEWER if fewer else ""), tale)


def _retold(world: World, story: Story) -> tuple[Tale, bool]:
    """What came of it, and whether the limiter was done with a request before all its steps.

    Who is mended often takes fewer: a step that is no more is left out. Raises StoryError for
    anything else that cannot happen, such as a reply that is to be lost and is not sent.
    """
    player = Player(world, shown=True)
    fewer = False
    for event in story.events:
        try:
            player.do(event)
        except StoryError:
            if not isinstance(event, Go | Finish):
                raise
            fewer = True
    return player.tale(), fewer
