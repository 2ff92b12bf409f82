"""A check made of directed stories: each is played, judged, and the first that fails is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain, count
from typing import Any

from limiters.contract import Quota
from limitproof.check.tales.acts import cause_of
from limitproof.check.verdict import Cause, CheckResult, Verdict
from limitproof.history.outcome import Outcome
from limitproof.simulate.refusal import HangError, LocalStateError, RefusedError
from limitproof.simulate.world import World
from limitproof.stories import Event, Story, Tale
from limitproof.verify.experiments.hand import Hand
from limitproof.verify.laboratory import (
    COSTS,
    MORE_TIME,
    Examined,
    Judge,
    Laboratory,
    shown,
    unknown,
)
from limitproof.verify.player import StoryError
from limitproof.verify.searches.stage import UNSTEADY

UNSURE = "there was no time to tell a leak from a bound"
NOT_MADE = "it cannot be made"  # how a world says that a factory raises
Direct = Callable[[Hand], None]
Measured = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Trial:
    """One directed story: `direct` lets happen what shall happen.

    quota: None for that of the laboratory; shown: whether its judge needs the raw commands; cost:
    of each request, None for none; plain: whether it is not played once more with a cost; spare:
    whether it is played only if there is time for it, and no pass needs it; cut: holds something
    once it was cut short as the time was over: how fast a machine is must accuse nobody.
    """

    direct: Direct
    quota: Quota | None = None
    shown: bool = False
    cost: int | None = None
    plain: bool = False
    spare: bool = False
    cut: Sequence[object] = ()

    def costly(self, quota: Quota, cost: int) -> Trial:
        """The same with requests of a cost, and so many times the limit: all else is as it was."""
        wide = self.quota or quota
        return replace(self, quota=Quota(cost * wide.limit, wide.window), cost=cost)


@dataclass(frozen=True, slots=True)
class Played:
    """A trial as it went: `why` is what the judge said."""

    story: Story
    tale: Tale
    why: str
    cost: int | None = None
    direct: Direct | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """What all played stories come to when none fails."""

    because: str
    verdict: Verdict = Verdict.PASS
    measured: Measured = field(default_factory=dict)


def _nothing(_tale: Tale, _story: Story) -> Measured:
    return {}


def one_sided(played: Sequence[Played]) -> str:
    """Why stories show nothing: there was no answer, or always the same; "" when they do.

    Each experiment asks beyond the limit. Who refuses whatever comes never leaves too little room,
    and who raises for everything loses no place by a death: that is no evidence.
    """
    asked = [one for each in played for one in each.tale.operations]
    said = {one.outcome for one in asked}
    if not said & {Outcome.ADMITTED, Outcome.REJECTED}:
        error = next((f": {one.error}" for one in asked if one.error), "")
        return f"no request was ever decided{error}"
    if Outcome.ADMITTED not in said:
        return "nothing was ever admitted"
    return "" if Outcome.REJECTED in said else "nothing was ever refused"


def _no_smaller(_one: Played) -> Iterable[Trial]:
    return ()


def _sure(_laboratory: Laboratory, _one: Played) -> Iterable[Trial]:
    return ()


@dataclass(frozen=True, slots=True)
class Experiment:
    """A check of a limiter by directed stories, the simplest cause first, then small to large.

    `trials` is asked for the next story when the one before has passed, and sees what was played.
    `sum_up` is told of all of them when none failed. `smaller`: stories to look at when one fails,
    the first of which that fails too is shown in its place. `measure`: figures of a story.
    `confirm`: stories that must fail too before one that does is held against the limiter.
    `empty`: why stories in which nothing failed are no pass, all the same; "" when they are.
    `costly`: whether all is played once more with requests of a cost, where the limiter takes one.
    """

    name: str
    judge: Judge
    trials: Callable[[Laboratory, Sequence[Played]], Iterable[Trial]]
    sum_up: Callable[[Sequence[Played]], Summary]
    smaller: Callable[[Played], Iterable[Trial]] = _no_smaller
    measure: Callable[[Tale, Story], Measured] = _nothing
    empty: Callable[[Sequence[Played]], str] = one_sided
    costly: bool = True
    confirm: Callable[[Laboratory, Played], Iterable[Trial]] = _sure

    def examine(self, laboratory: Laboratory) -> Examined:
        """Play the stories until one fails, or none is left, or no time.

        Raises RefusedError when the limiter cannot be simulated, ServerError when the server dies.
        """
        played: list[Played] = []
        refusals: list[str] = []
        declined: list[str] = []
        dear: dict[int, list[Played]] = {cost: [] for cost in COSTS}
        late = ""  # what was played without a cost is a verdict all the same
        with ExitStack() as stack:
            stage = _Stage(laboratory, stack)
            trials: Iterator[Trial] = iter(self.trials(laboratory, played))
            if self.costly and laboratory.scales:
                trials = chain(trials, self._costly(laboratory, stage, played, dear))
            for trial in trials:
                into = played if trial.cost is None else dear[trial.cost]
                if not laboratory.left:
                    if trial.spare:
                        continue
                    if trial.cost is None:
                        refusals.append(f"there was no time for all stories: {MORE_TIME}")
                    else:
                        late = f"; no time for all with requests of cost {trial.cost}: {MORE_TIME}"
                    break
                try:
                    one = self._play(laboratory, stage.world(trial.quota), trial)
                    fails = one.why and self._confirmed(laboratory, stage, one)
                    if one.why and fails is None and trial.cost is None:
                        refusals.append(f"{UNSURE}: {MORE_TIME}")
                    elif one.why and fails is None:
                        late = f"; {UNSURE} with requests of cost {trial.cost}: {MORE_TIME}"
                    one = one if fails else replace(one, why="")
                    into.append(one)
                    if fails:
                        number = len(played) + sum(map(len, dear.values()))
                        return self._failed(laboratory, stage, one, number)
                except LocalStateError:
                    raise
                except RefusedError as refusal:
                    if trial.quota in (None, laboratory.quota) and not played:
                        raise
                    quota = trial.quota or laboratory.quota
                    contract = quota != laboratory.quota and str(refusal).startswith(NOT_MADE)
                    (declined if contract else refusals).append(_said(refusal, quota))
        if not played:
            refusals, declined = [*refusals, *declined], []
        told = [str(cost) for cost, seen in dear.items() if seen and not one_sided(seen)]
        if told and not late:
            late = f"; and with requests of cost {' and '.join(told)}"
        number = sum(map(len, dear.values()))
        examined = self._passed(played, number, _once(refusals), _once(declined))
        result = examined.result
        if result.verdict is not Verdict.PASS:
            return examined
        return replace(examined, result=replace(result, because=result.because + late))

    def _costly(
        self,
        laboratory: Laboratory,
        stage: _Stage,
        played: Sequence[Played],
        dear: Mapping[int, Sequence[Played]],
    ) -> Iterator[Trial]:
        """All of it with requests of a cost, once it was played without, where one is taken."""
        if not played or not stage.takes_cost:
            return
        for cost, seen in dear.items():
            for trial in self.trials(laboratory, seen):
                costly = trial.costly(laboratory.quota, cost)
                assert costly.quota is not None
                if laboratory.yardstick(costly.quota).limit >= cost and not trial.plain:
                    yield costly

    def _play(self, laboratory: Laboratory, world: World, trial: Trial) -> Played:
        room = partial(laboratory.room, world.cast.quota, trial.cost or 1)
        try:
            hand = Hand(laboratory.player(world, shown=trial.shown), room, cost=trial.cost)
            trial.direct(hand)
        except (LocalStateError, HangError):
            raise
        except RefusedError:  # it may only wait for what never comes: once more, with a watch
            player = laboratory.player(world, shown=trial.shown)
            hand = Hand(player, room, cautious=True, cost=trial.cost)
            trial.direct(hand)
        story = laboratory.story(hand.player.events, self.name, quota=trial.quota)
        tale = hand.player.tale()
        why = "" if trial.cut else self.judge(tale, story)
        return Played(story, tale, why, trial.cost, trial.direct)

    def _confirmed(self, laboratory: Laboratory, stage: _Stage, found: Played) -> bool | None:
        """Whether it fails in all stories that must fail too; None without time for them."""
        for trial in self.confirm(laboratory, found):
            if not laboratory.left:
                return None
            like = _like(trial, found)
            one = self._play(laboratory, stage.world(like.quota), like)
            if like.cut:
                return None
            if not one.why:
                return False
        return True

    def _failed(
        self, laboratory: Laboratory, stage: _Stage, failed: Played, number: int
    ) -> Examined:
        """What the first that failed shows; number: of all that were played."""
        found = self._smallest(laboratory, stage, failed)
        try:
            told = shown(stage.world(Quota(found.story.limit, found.story.window)), found.story)
        except StoryError:
            return unknown(self.name, f"{found.why}; but that story {UNSTEADY}")
        measured = {"stories": number, **self.measure(found.tale, found.story)}
        return Examined(
            CheckResult(
                self.name, Verdict.FAIL, found.why, cause_of(found.story), measured, complete=True
            ),
            found.story,
            told,
        )

    def _smallest(self, laboratory: Laboratory, stage: _Stage, found: Played) -> Played:
        """The story, or a shorter one that fails as well."""
        for trial in self.smaller(found):
            if not laboratory.left:
                break
            like = _like(trial, found)
            try:
                one = self._play(laboratory, stage.world(like.quota), like)
            except RefusedError:
                continue
            if one.why and len(one.story.events) < len(found.story.events):
                return self._smallest(laboratory, stage, one)
        return found

    def _passed(
        self,
        played: Sequence[Played],
        more: int,
        refusals: Sequence[str],
        declined: Sequence[str],
    ) -> Examined:
        """more: stories with a cost; declined: quotas for which none is made, which is told."""
        measured: dict[str, Any] = {"stories": len(played) + more}
        if declined:
            measured["declined"] = list(declined)
        if refusals:
            measured["not_played"] = list(refusals)
        nothing = Summary("no story was played", Verdict.UNKNOWN)
        summary = self.sum_up(played) if played else nothing
        verdict, because = summary.verdict, summary.because
        if refusals and verdict is Verdict.PASS:
            verdict, because = Verdict.UNKNOWN, f"{refusals[0]}; else: {because}"
        elif verdict is Verdict.PASS and (why := self.empty(played)):
            verdict, because = Verdict.UNKNOWN, why
        elif refusals and not played:
            because = refusals[0]
        measured |= summary.measured
        return Examined(
            CheckResult(
                self.name, verdict, because,
                cause=Cause.ALGORITHM if verdict is Verdict.FAIL else None,
                measured=measured,
                complete=not refusals and verdict is not Verdict.UNKNOWN,
            )
        )  # fmt: skip


class _Stage:
    """One world at a time, kept while the quota stays the same."""

    def __init__(self, laboratory: Laboratory, stack: ExitStack) -> None:
        self._laboratory = laboratory
        self._stack = stack.enter_context(ExitStack())
        self._open: tuple[Quota, World] | None = None

    def world(self, quota: Quota | None) -> World:
        wanted = quota or self._laboratory.quota
        if self._open is None or self._open[0] != wanted:
            self._open = None
            self._stack.close()
            world = self._stack.enter_context(self._laboratory.world(quota=wanted))
            self._open = wanted, world
        return self._open[1]

    @property
    def takes_cost(self) -> bool:
        """Whether a client that has begun takes a cost."""
        return self._open is not None and self._open[1].seats[0].takes_cost


def _like(trial: Trial, found: Played) -> Trial:
    """A trial with the cost of what was found, and with its quota where it has none of its own."""
    quota = trial.quota or Quota(found.story.limit, found.story.window)
    if found.cost is not None and trial.quota is not None:
        quota = Quota(found.cost * quota.limit, quota.window)
    return replace(trial, quota=quota, cost=found.cost)


def _once(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))


def _said(refusal: RefusedError, quota: Quota) -> str:
    return f"not simulated with {quota.limit} per {quota.window:g} s: {refusal}"


def told_by(events: Sequence[Event]) -> Direct:
    """These events, as they were."""

    def direct(hand: Hand) -> None:
        hand.do(*events)

    return direct


def fills(room: int) -> list[int]:
    """How many requests were admitted before: none, some, all but one, all.

    The first request may be right where the second is wrong: it stores what others count up.
    """
    return sorted({0, room // 2, room - 1, room})


def at_each_step(
    played: Sequence[Played], trial: Callable[[int, list[bool]], Trial], first: int = 1
) -> Iterator[Trial]:
    """A story for each step of a request, from `first` on.

    trial: makes the story that befalls a request after so many steps; it appends to the list it is
    given when the request was over by then, and that was all. So is a story that was not played.
    """
    for steps in count(first):
        before, over = len(played), list[bool]()
        yield trial(steps, over)
        if over or len(played) == before:
            return
