"""The checks that a model of the promise can judge: overshoot, false-rejection and their like.

Directed stories first, which show the usual faults at once; then a state machine by which
Hypothesis tells any others. Three levels, the simplest first, so that a failure's cause is the
simplest that shows it: one request after the other (algorithm), requests that overlap (race), and
clients that die or lose a reply (fault). What has failed at one is not looked for at the next.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import groupby
from typing import Any

from limiters.contract import Quota
from limitproof.check.tales.acts import promise_of_story
from limitproof.check.tales.overshoot import excess_of
from limitproof.check.verdict import Cause, CheckResult, Verdict
from limitproof.schedules import Granularity
from limitproof.simulate.refusal import LocalStateError, RefusedError
from limitproof.verify.laboratory import COSTS, MORE_TIME, Examined, Laboratory, scaled, shown
from limitproof.verify.player import Player
from limitproof.verify.searches.directed import MANY, large_costs, sequential, troubled
from limitproof.verify.searches.habits import Habits, habits_of
from limitproof.verify.searches.races import patterns, race
from limitproof.verify.searches.rules import search
from limitproof.verify.searches.shorten import Shortener, UnsteadyError
from limitproof.verify.searches.stage import UNSTEADY, Found, Stage, Tally, wanted_of

MODELLED = (
    "overshoot", "false-rejection", "contamination", "remaining", "retry-after", "weights",
)  # fmt: skip
MOST_ASKED = 1_000  # a larger limit is examined at smaller ones only
SMALL = 5  # a limit that a person can follow; a larger one is examined at this
LEAST_STORIES = 40  # fewer are no pass
EXAMPLES = 150  # of the state machine, on each level
ENOUGH = 20.0  # seconds; of a longer time, as many times as many examples
HICCUPS = 1  # stories that may go differently once: a virtual clock is told wrong now and then
SHORTENING = 4.0  # most seconds for one story
FOR_SHORTENING = 0.25  # of the time, where there is something to shorten
SHARES = {Cause.ALGORITHM: 0.35, Cause.RACE: 0.6, Cause.FAULT: 0.9}  # of what is left
BY_RACE = set(MODELLED) - {"contamination", "weights"}
"""What is judged where requests overlap: the rest compares a story with another one, in order."""
BY_FAULT = {"overshoot", "false-rejection", "remaining"}
"""What is judged where clients die and replies are lost; the rest would need more certainty."""


def examine_by_machine(laboratory: Laboratory, names: Collection[str]) -> dict[str, Examined]:
    """These checks of a limiter, as far as they are among `MODELLED`.

    Raises RefusedError when the limiter cannot be simulated, ServerError when the server dies.
    """
    # Minutes are given by whoever wants to know more: an hour must not end after some seconds.
    examples = max(EXAMPLES, round(EXAMPLES * laboratory.left / ENOUGH))
    campaign = Campaign(laboratory, names, examples=examples)
    campaign.run()
    return campaign.results()


class Campaign:
    """All that is tried with one limiter; what was found, and how much was tried."""

    def __init__(
        self,
        laboratory: Laboratory,
        names: Collection[str],
        *,
        examples: int = EXAMPLES,
        shortening: float = SHORTENING,
    ) -> None:
        self._laboratory = laboratory
        self._names = sorted(wanted_of(names))
        self._examples, self._shortening = examples, shortening
        self._wanted = set(self._names)
        self._tally = Tally()
        self._found: dict[str, Found] = {}
        self._examined: dict[str, Examined] = {}
        self._seconds = laboratory.left
        self._limits: set[int] = set()
        self._cut_short: list[str] = []
        self._missed: dict[str, Collection[str]] = {}
        self._left_out: dict[Quota, str] = {}
        self._quota, *self._others = quotas_of(laboratory)
        with self._stage(self._quota, "packet") as stage:
            self._habits: Habits = habits_of(stage)
        if not self._habits.takes_cost:
            self._wanted.discard("weights")

    def run(self) -> None:
        """All of it, the quick and sure ways first."""
        self._directed(self._quota)
        for quota in self._others:
            if self._wanted:
                self._directed(quota)
        self._asked_for()
        if self._others and self._habits.takes_cost:
            self._large_costs()
        granular: tuple[Granularity, ...] = ("packet", "command")
        for granularity in granular[: 1 + self._habits.splits]:
            for quota in (self._quota, *self._others[:1]):
                if self._wanted & BY_RACE:
                    self._races(quota, granularity)
        if self._others and self._habits.takes_cost and self._wanted & BY_RACE:
            for cost in COSTS:
                self._races(self._others[0], "packet", cost)
        for level in SHARES:
            self._machine(level)
        self._shorten()

    def _directed(self, quota: Quota) -> None:
        """Sequential stories."""

        def play(stage: Stage) -> None:
            takes_cost = self._habits.takes_cost
            for direct in sequential(quota.limit, stage.window, takes_cost=takes_cost):
                if self._late(0.4):
                    self._stopped("directed stories")
                    break
                stage.try_out(direct)

        self._try(quota, "packet", play)

    def _asked_for(self) -> None:
        """All that the given quota allows, at one instant, and more: where it is a larger one.

        A count that is kept in eight bits never gets to a limit of 300. By the model alone.
        """
        given = self._laboratory.quota
        if given in (self._quota, *self._others) or given.limit > MOST_ASKED:
            return

        def play(stage: Stage) -> None:
            stage.wanted = self._wanted & {"overshoot", "false-rejection"}
            if self._late(0.4):
                self._stopped(f"{given.limit + 2} requests with the given limit")
            else:
                stage.try_out(lambda player: _many_at_once(player, given.limit + 2))

        self._try(given, "packet", play)

    def _large_costs(self) -> None:
        """By the model alone: a request for each of thousands takes long, and shows no more."""

        def play(stage: Stage) -> None:
            stage.wanted = self._wanted - {"weights"}
            if self._late(0.4):
                self._stopped("directed stories")
            else:
                stage.try_out(large_costs)

        self._try(Quota(MANY, self._quota.window), "packet", play)

    def _races(self, quota: Quota, granularity: Granularity, cost: int | None = None) -> None:
        """Two or three clients, by patterns; a pipeline also command by command.

        cost: of each request, where there is as much more room; then without a clock that moves.
        """
        room = quota.limit
        if cost is not None:
            quota = Quota(cost * room, quota.window)

        def play(stage: Stage) -> None:
            stage.wanted = self._wanted & BY_RACE
            habits = self._habits if cost is None else habits_of(stage, cost)
            steps = habits.steps + (4 if granularity == "command" else 0)
            for pattern in patterns(room, stage.window, steps):
                if cost is not None and (pattern.stall or pattern.age):
                    continue
                if not stage.wanted - set(stage.found):
                    break
                if self._late(0.8):
                    if cost is None:
                        self._stopped("patterns of races", BY_RACE)
                    else:
                        self._cut_short.append("patterns of races with a cost")
                    break
                stage.try_out(race(pattern, room, stage.window, cost))

        self._try(quota, granularity, play)

    def _troubles(self) -> None:
        """One client dies, or a command of it or a reply is lost."""

        def play(stage: Stage) -> None:
            for direct in troubled(self._quota.limit, self._habits.steps):
                if self._late(0.9):
                    self._cut_short.append("directed faults")
                    break
                stage.try_out(direct)

        self._try(self._quota, "packet", play)

    def _stopped(self, what: str, names: Collection[str] = MODELLED) -> None:
        """There was no time for all of these, which is no pass for what is judged in them."""
        self._cut_short.append(what)
        self._missed[what] = names

    def _machine(self, level: Cause) -> None:
        """What Hypothesis comes upon at one level; again without what it has found."""
        granularity: Granularity = "packet"
        if level is Cause.RACE and self._habits.splits:
            granularity = "command"
        apart = self._wanted - BY_FAULT if level is Cause.FAULT else set()
        self._wanted -= apart
        if level is Cause.FAULT:
            self._troubles()
        kept = self._seconds * FOR_SHORTENING if self._found else 0.0
        seconds = (self._laboratory.left - kept) * SHARES[level]
        counts = self._tally.counts
        directed = counts["stories"] - counts["generated"]
        while self._wanted and seconds > 0:
            before, left = set(self._wanted), self._laboratory.left
            self._try(self._quota, granularity, partial(self._search, level, seconds))
            seconds -= left - self._laboratory.left
            if self._wanted == before:
                break
        counts["generated"] = counts["stories"] - directed
        self._wanted |= apart

    def _shorten(self) -> None:
        """The shortest stories of what was found, in worlds like those in which it was."""

        def where(found: Found) -> tuple[int, float, Granularity]:
            return found.quota.limit, found.quota.window, found.granularity

        for _, together in groupby(sorted(self._found.values(), key=where), key=where):
            first, *others = together
            with self._stage(first.quota, first.granularity) as stage:
                for found in (first, *others):
                    rest = len(self._found) - len(self._examined)
                    seconds = min(self._shortening, self._laboratory.left / rest)
                    self._examined[found.name] = self._shortest(stage, found, seconds)

    def results(self) -> dict[str, Examined]:
        """All checks that were asked for."""
        return {name: self._examined.get(name) or self._unviolated(name) for name in self._names}

    def _search(self, level: Cause, seconds: float, stage: Stage) -> None:
        finished = search(
            stage, level, examples=self._examples, seconds=seconds,
            takes_cost=self._habits.takes_cost, number=self._laboratory.subject.seed,
        )  # fmt: skip
        if not finished:
            self._cut_short.append(f"state machine ({level})")

    def _try(self, quota: Quota, granularity: Granularity, play: Callable[[Stage], None]) -> None:
        """Play on a stage; what was found there is looked for no more.

        A limiter that cannot be simulated with this quota is left, unless it is the first quota:
        one may take whole seconds only.
        """
        try:
            with self._stage(quota, granularity) as stage:
                play(stage)
                self._limits.add(quota.limit)
                self._found |= stage.found
                self._wanted -= set(stage.found)
        except LocalStateError:
            raise
        except RefusedError as refusal:
            if quota == self._quota and not self._tally.counts["stories"]:
                raise
            self._tally.given_up[str(refusal)] += 1
            self._left_out.setdefault(quota, str(refusal))

    @contextmanager
    def _stage(self, quota: Quota, granularity: Granularity) -> Iterator[Stage]:
        with self._laboratory.world(quota=quota, granularity=granularity) as world:
            yield Stage(self._laboratory, world, quota, granularity, self._wanted, self._tally)

    def _shortest(self, stage: Stage, found: Found, seconds: float) -> Examined:
        name = found.name
        try:
            shortest = Shortener(stage, found, seconds).shortest()
        except UnsteadyError:
            why = f"a story in which it failed {UNSTEADY}"
            measured = self._measured()
            return Examined(
                CheckResult(name, Verdict.UNKNOWN, why, measured=measured, complete=False)
            )
        story = stage.story(name, shortest.events)
        said = self._measured() | {
            "events": len(story.events), "limit": story.limit, "granularity": story.granularity,
        }  # fmt: skip
        if name == "overshoot":
            said["overshoot"] = excess_of(shortest.tale, promise_of_story(story))
        result = CheckResult(
            name, Verdict.FAIL, stage.judged(name, shortest.tale), found.cause, said,
            complete=False,
        )  # fmt: skip
        return Examined(result, story, shown(stage.world, story))

    def _unviolated(self, name: str) -> Examined:
        verdict, because = self._without(name)
        result = CheckResult(name, verdict, because, measured=self._measured(), complete=False)
        return Examined(result)

    def _without(self, name: str) -> tuple[Verdict, str]:
        """The verdict where nothing was found, and why."""
        counts = self._tally.counts
        if name == "weights" and not self._habits.takes_cost:
            return Verdict.NOT_TOLD, "acquire takes no cost"
        if not counts["admitted"] and not counts["refused"]:
            return Verdict.UNKNOWN, "no request was ever decided"
        if name == "remaining" and not counts["figures told"]:
            return Verdict.NOT_TOLD, "the limiter does not tell remaining"
        if not counts["admitted"]:
            return Verdict.UNKNOWN, "nothing was ever admitted"
        if not counts["refused"]:
            return Verdict.UNKNOWN, "nothing was ever refused"
        if name == "retry-after" and not counts["waits told"]:
            return Verdict.NOT_TOLD, "the limiter does not tell retry-after"
        if self._tally.given_up[UNSTEADY] > HICCUPS:
            return Verdict.UNKNOWN, f"a story in which it failed {UNSTEADY}"
        if missed := " and ".join(what for what, names in self._missed.items() if name in names):
            return Verdict.UNKNOWN, f"there was no time for all {missed}: {MORE_TIME}"
        if counts["stories"] < LEAST_STORIES:
            few = f"the time was over after {counts['stories']} stories"
            return Verdict.UNKNOWN, f"{few}: {MORE_TIME}"
        return Verdict.PASS, (
            f"kept in {counts['stories']:,} stories of {counts['requests']:,} requests "
            f"({counts['refused']:,} refused), {counts['bursts']:,} with requests that overlap, "
            f"with limits of {', '.join(map(str, sorted(self._limits)))}"
            + "".join(
                f"; not asked with {quota.limit} per {quota.window:g} s: {why}"
                for quota, why in self._left_out.items()
            )
            + (f"; cut short where there was no time: {MORE_TIME}" if self._cut_short else "")
        )

    def _measured(self) -> dict[str, Any]:
        counts = self._tally.counts
        said: dict[str, Any] = {
            word: counts[word]
            for word in ("stories", "generated", "requests", "admitted", "refused", "bursts")
        }
        said["limits"] = sorted(self._limits)
        said["seed"] = self._laboratory.subject.seed
        if self._tally.given_up:
            said["given_up"] = dict(self._tally.given_up)
        if self._cut_short:
            said["cut_short"] = list(dict.fromkeys(self._cut_short))
        return said

    def _late(self, share: float) -> bool:
        """Whether so much of the time has gone."""
        return self._laboratory.left <= self._seconds * (1 - share)


def _many_at_once(player: Player, number: int) -> None:
    for _ in range(number):
        player.acquire()


def quotas_of(laboratory: Laboratory) -> list[Quota]:
    """The quotas to examine: the given one if it is small, then others in which more is seen.

    Some faults need a limit of 3 or more; and where the window is whole seconds, a wait that is
    always a whole window looks like one that is rounded up. A promise with figures of its own holds
    for the given quota alone.
    """
    given = laboratory.quota
    promise = laboratory.subject.promise
    if promise is not None and scaled(promise, given, given) is None:
        return [given]
    first = given if given.limit <= SMALL else Quota(SMALL, given.window)
    crooked = Quota(3, given.window * 1.25 + 0.137)
    others = (Quota(3, given.window), crooked)
    return [first, *(one for one in others if one != first)]
