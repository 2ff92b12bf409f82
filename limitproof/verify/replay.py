"""Playing a saved story again, perhaps on a limiter that has changed since."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import TypeGuard

from limiters.contract import Quota
from limiters.registry import Target
from limitproof.check.tales.acts import first_fault, promise_of_story, steps_before
from limitproof.check.tales.contract import contract
from limitproof.check.tales.judges import JUDGES
from limitproof.schedules import ScheduleError
from limitproof.simulate.refusal import RefusedError
from limitproof.simulate.replay import Replayed
from limitproof.simulate.world import World
from limitproof.stories import Ask, Drop, Event, Finish, Go, Kill, Lose, Story, Tale
from limitproof.verify.experiments.catalogue import EXPERIMENTS
from limitproof.verify.experiments.hand import LITTLE, Hand
from limitproof.verify.laboratory import Subject, open_laboratory
from limitproof.verify.player import Player, StoryError, is_shown

FEWER = ", in which its requests take fewer steps now"
LONGEST = 3600.0  # seconds; a story has no budget
MOST_STEPS = 40  # of a request, in each of which a fault is tried
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


class _IdleError(StoryError):
    """A fault was to befall a request that is over by then."""


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
            told = _shortened(_retold(world, story, judge))
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
    """What came of it.

    The steps of a request may be others now, and what went wrong in one of them go wrong in another
    (a client that died between GET and INCR dies between INCR and PEXPIRE): a fault that does no
    harm where it was is tried in each step of that request. Told is the first that does, else what
    came of the story itself. Raises StoryError for what cannot happen any more.
    """
    told, gone = None, None
    try:
        told = _told(world, story, judge)
    except _IdleError as error:
        gone = error
    if told is not None and told.why:
        return told
    for steps in count():
        other = _at_step(story, steps)
        if other is None or steps > MOST_STEPS:
            break
        try:
            now = _told(world, other, judge, moved=True)
        except _IdleError:
            break
        except StoryError:
            continue
        if now.why:
            return now
        told = told or replace(now, fewer=True)
    if told is None:
        assert gone is not None
        raise gone
    return told


def _told(world: World, story: Story, judge: Judge, *, moved: bool = False) -> _Retold:
    """A step that is no more is left out: who is mended often takes fewer.

    moved: its fault is not where it was; one that befalls no request is none then. In a story as it
    was found a client may die that has nothing under way.
    """
    player, fewer = Player(world, shown=True), False
    hand = Hand(player, lambda: story.limit, cautious=True)
    fault = first_fault(story)
    for place, event in enumerate(story.events):
        if place == fault and isinstance(event, Lose | Drop | Kill):
            needs_request = moved or not isinstance(event, Kill)
            if needs_request and not player.busy(event.client):
                raise _IdleError(f"client {event.client} has nothing to go on with")
        try:
            if place != fault and _gives_up(event, story, place):
                hand.finish(event.client)
            else:
                player.do(event)
        except StoryError:
            if not isinstance(event, Go | Finish):
                raise
            fewer = True
        if not _takes(world, event):  # known once the limiter is made
            raise StoryError("a request has a cost, and `acquire` takes none")
    tale = player.tale()
    return _Retold(story, tale, judge(tale, story), fewer)


def _takes(world: World, event: Event) -> bool:
    if not isinstance(event, Ask) or event.cost is None:
        return True
    return world.seats[event.client].takes_cost


def _gives_up(event: Event, story: Story, place: int) -> TypeGuard[Kill]:
    """Whether a client is killed since it seemed to wait for ever, as `Hand.finish` does.

    Whose lock ends by itself by now, in a second or in ten, comes to its end if it is let.
    """
    return isinstance(event, Kill) and steps_before(story, place) >= LITTLE


def _shortened(told: _Retold) -> _Retold:
    """Judged by all of its events, and shown by as many as `verify` shows."""
    events = len(told.story.events)
    happened = tuple(one for one in told.tale.happenings if is_shown(one.event, one.place, events))
    return replace(told, tale=replace(told.tale, happenings=happened))


def _at_step(story: Story, steps: int) -> Story | None:
    """The story with its first fault after so many steps of that request; None without one."""
    fault = first_fault(story)
    if fault is None or not isinstance(event := story.events[fault], Lose | Drop | Kill):
        return None
    taken = [n for n, one in enumerate(story.events[:fault]) if one == Go(event.client)]
    taken = taken[len(taken) - steps_before(story, fault) :]
    left_out = set(taken[steps:])
    before = [one for n, one in enumerate(story.events[:fault]) if n not in left_out]
    more = [Go(event.client)] * (steps - len(taken))
    return replace(story, events=(*before, *more, *story.events[fault:]))
