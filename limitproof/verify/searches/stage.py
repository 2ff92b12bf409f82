"""Where stories are played and judged: one world, the checks that are still looked for, a count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from time import perf_counter

from limiters.contract import Quota
from limitproof.check.tales.acts import FAULTS
from limitproof.check.tales.debts import overlap
from limitproof.check.tales.judges import JUDGES
from limitproof.check.tales.retry_after import told_of
from limitproof.check.verdict import Cause
from limitproof.history.outcome import Outcome
from limitproof.schedules import Granularity
from limitproof.simulate.refusal import LocalStateError, RefusedError
from limitproof.simulate.world import World
from limitproof.stories import Again, Event, Story, Tale
from limitproof.verify.laboratory import Laboratory
from limitproof.verify.player import Player, StoryError
from limitproof.verify.searches.twins import TWINS

UNSTEADY = "went differently when it was played once more"
LEVELS = (Cause.ALGORITHM, Cause.RACE, Cause.FAULT)
Direct = Callable[[Player], None]


@dataclass(frozen=True, slots=True)
class Found:
    """A story in which a check fails, without its second act; and where it was played."""

    name: str
    events: tuple[Event, ...]
    cause: Cause
    quota: Quota
    granularity: Granularity


@dataclass(frozen=True, slots=True)
class Played:
    """A story as it was replayed: its first act, all of it, and the tale of all of it."""

    first: tuple[Event, ...]
    events: tuple[Event, ...]
    tale: Tale


def cause_in(tale: Tale, events: Iterable[Event]) -> Cause:
    """What a story takes: a fault where there is one, a race where requests overlap."""
    if any(isinstance(one, FAULTS) for one in events):
        return Cause.FAULT
    return Cause.RACE if overlap(tale.operations) else Cause.ALGORITHM


class Tally:
    """What was tried so far, over all worlds."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.given_up: Counter[str] = Counter()

    def add(self, tale: Tale) -> None:
        """One more story."""
        operations = tale.operations
        self.counts["stories"] += 1
        self.counts["requests"] += len(operations)
        for one in operations:
            self.counts["admitted"] += one.outcome is Outcome.ADMITTED
            self.counts["refused"] += one.outcome is Outcome.REJECTED
            self.counts["errors"] += one.outcome is Outcome.ERROR
            self.counts["waits told"] += told_of(one) is not None
            self.counts["figures told"] += (
                one.decision is not None and one.decision.remaining is not None
            )
            self.counts["costs"] += one.cost is not None
        self.counts["bursts"] += overlap(operations)


class Stage:
    """Plays stories in one world, and keeps those in which a check fails.

    wanted: the checks that are looked for; those that were found leave it.
    """

    def __init__(
        self,
        laboratory: Laboratory,
        world: World,
        quota: Quota,
        granularity: Granularity,
        wanted: set[str],
        tally: Tally,
    ) -> None:
        self.laboratory, self.world, self.quota = laboratory, world, quota
        self.granularity, self.wanted, self.tally = granularity, wanted, tally
        self.window = -int(-round(quota.window * 1_000_000, 3) // 1)
        self.limit = quota.limit
        self.found: dict[str, Found] = {}
        self._blank = laboratory.story((), "", quota=quota, granularity=granularity)

    def story(self, name: str, events: Sequence[Event]) -> Story:
        """These events, as the story that shows a check fail."""
        return replace(self._blank, events=tuple(events), shows=name)

    def player(self) -> Player:
        """Somebody to do events one by one, beginning on an empty server."""
        return self.laboratory.player(self.world)

    def try_out(self, direct: Direct) -> None:
        """Let a story happen, and judge it; one that cannot happen there is left.

        Raises LocalStateError when the limiter's state is in its process.
        """
        player = self.player()
        try:
            direct(player)
        except StoryError:
            self.tally.given_up["impossible"] += 1
        except LocalStateError:
            raise
        except RefusedError as refusal:
            self.tally.given_up[str(refusal)] += 1
        else:
            self.look(player)

    def look(self, player: Player) -> list[str]:
        """Judge what happened, with a second act where a check needs one; what fails.

        Nothing counts that does not fail once more from an empty server.
        """
        tale, events = player.tale(), tuple(player.events)
        self.tally.add(tale)
        failing = []
        for name in sorted(self.wanted):
            player.events[:] = events
            whole = self._with_twin(name, player, tale)
            if whole is not None and self.judged(name, whole):
                again = self.replay(name, events)
                if again is None or not self.judged(name, again.tale):
                    self.tally.given_up[UNSTEADY] += 1
                    continue
                failing.append(name)
                self._keep(
                    Found(name, events, cause_in(tale, events), self.quota, self.granularity)
                )
        return failing

    def judged(self, name: str, tale: Tale) -> str:
        """What the judge of a check says of a tale."""
        return JUDGES[name](tale, self.story(name, ()))

    def replay(self, name: str, events: Sequence[Event]) -> Played | None:
        """Play events that may no longer fit together; None when a check has nothing to judge.

        What cannot happen is left out; a second act is made anew from the first.
        """
        player = self.player()
        for event in events:
            try:
                player.do(event)
            except StoryError:
                player.events.pop()
        first = tuple(player.events)
        whole = self._with_twin(name, player, player.tale())
        return None if whole is None else Played(first, tuple(player.events), whole)

    def _with_twin(self, name: str, player: Player, tale: Tale) -> Tale | None:
        """The tale with the second act that a check needs; played at once."""
        if name not in TWINS:
            return tale
        if overlap(tale.operations) or any(one.ended is None for one in tale.operations):
            return None
        if name == "weights" and self.judged(name, tale):
            return tale
        act = TWINS[name](tale, player.events)
        if act is None:
            return tale if name == "weights" else None
        twin = self.player()
        try:
            for event in (*player.events, Again(), *act):
                twin.do(event)
        except StoryError:
            return None
        player.events[:] = twin.events
        return twin.tale()

    def _keep(self, found: Found) -> None:
        before = self.found.get(found.name)
        if before is None or _rank(found) < _rank(before):
            self.found[found.name] = found


def _rank(found: Found) -> tuple[int, int]:
    return LEVELS.index(found.cause), len(found.events)


class Clock:
    """Real seconds that are left for a part of the search."""

    def __init__(self, seconds: float) -> None:
        self._end = perf_counter() + seconds

    @property
    def over(self) -> bool:
        return perf_counter() >= self._end


def wanted_of(names: Collection[str]) -> set[str]:
    """The checks among these that a model judges."""
    return {name for name in names if name in JUDGES}
