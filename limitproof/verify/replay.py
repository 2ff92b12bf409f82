"""Playing a saved story again, perhaps on a limiter that has changed since."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from limiters.contract import Quota
from limiters.registry import Target
from limitproof.check.tales.acts import promise_of_story, steps_before
from limitproof.check.tales.contract import contract
from limitproof.check.tales.judges import JUDGES
from limitproof.schedules import ScheduleError
from limitproof.simulate.refusal import RefusedError
from limitproof.simulate.replay import Replayed
from limitproof.simulate.world import World
from limitproof.stories import Drop, Finish, Go, Lose, Story, Tale, Wait
from limitproof.verify.experiments.catalogue import EXPERIMENTS
from limitproof.verify.laboratory import Subject, open_laboratory
from limitproof.verify.player import Player, StoryError

FEWER = ", in which its requests take fewer steps now"
LONGEST = 3600.0  # seconds; a story has no budget
Judge = Callable[[Tale, Story], str]
ALL: Mapping[str, Judge] = {
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


@dataclass(frozen=True, slots=True)
class _Retold:
    """A story as it was told again: why it fails, and whether requests took fewer steps."""

    story: Story
    tale: Tale
    why: str
    fewer: bool


class _UnsentError(StoryError):
    """A reply, or a command, was to be lost that is not sent; instead: other stories to try."""

    def __init__(self, said: str, instead: Sequence[Story]) -> None:
        super().__init__(said)
        self.instead = instead


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
            told = _retold(world, story, judge)
    except RefusedError as refusal:
        return ReplayedStory(Replayed.ERROR, f"not simulated: {refusal}")
    except StoryError as error:
        return ReplayedStory(
            Replayed.ERROR, f"the limiter does other things than it did in the story: {error}"
        )
    if told.why:
        return ReplayedStory(Replayed.STILL_FAILS, f"{story.shows}: {told.why}", told.tale)
    if raised := contract(told.tale, told.story):
        return ReplayedStory(Replayed.ERROR, raised, told.tale)
    said = f"{story.shows} does not fail in this story"
    return ReplayedStory(Replayed.FIXED, said + (FEWER if told.fewer else ""), told.tale)


def _retold(world: World, story: Story, judge: Judge) -> _Retold:
    """What came of it. Where a fault befell a step that is no more, it befalls each one before it.

    Told is the first that fails so, else the one whose fault came last. Raises StoryError for
    anything that cannot happen.
    """
    waiting, told, unsent = [story], list[_Retold](), None
    while waiting:
        now = waiting.pop()
        try:
            tale, fewer = _told(world, now)
        except _UnsentError as error:
            waiting += error.instead
            unsent = error
            continue
        told.append(_Retold(now, tale, judge(tale, now), fewer or now is not story))
        if told[-1].why:
            return told[-1]
    if not told:
        assert unsent is not None
        raise unsent
    return told[0]


def _told(world: World, story: Story) -> tuple[Tale, bool]:
    """What came of it, and whether requests took fewer steps: who is mended often does."""
    player, fewer = Player(world, shown=True), False
    steps = list[int]()  # that were taken, by their places
    for place, event in enumerate(story.events):
        try:
            player.do(event)
        except StoryError as error:
            if isinstance(event, Lose | Drop):
                raise _UnsentError(str(error), _earlier(story, place, event, steps)) from error
            if not isinstance(event, Go | Finish):
                raise
            fewer = True
        else:
            steps += [place] if isinstance(event, Go) else []
    return player.tale(), fewer


def _earlier(story: Story, place: int, fault: Lose | Drop, steps: Sequence[int]) -> list[Story]:
    """The stories in which the fault at `place` befalls a step before it, of the same request.

    steps: the places of those that were taken. Where the fault was, no time passes.
    """
    stories = list[Story]()
    mine = [n for n, one in enumerate(story.events[:place]) if one == Go(fault.client)]
    for earlier in mine[len(mine) - steps_before(story, place) :]:
        if earlier in steps:
            events = list(story.events)
            events[earlier], events[place] = fault, Wait(0)
            stories.append(replace(story, events=tuple(events)))
    return stories
