"""What Hypothesis may let happen to a limiter: a RuleBasedStateMachine over a player.

No request is under way between two rules, so that any rule may be left out of a story. The clock
moves by at most a millisecond while a request is under way (see `races`).
Source: MacIver, Hatfield-Dodds et al., "Hypothesis" (JOSS, 2019).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir
from hypothesis.errors import Flaky, FlakyStrategyDefinition
from hypothesis.stateful import (
    RuleBasedStateMachine,
    precondition,
    rule,
    run_state_machine_as_test,
)

from limitproof.check.tales.retry_after import told_of
from limitproof.check.verdict import Cause
from limitproof.servers.directory import private_directory
from limitproof.simulate.refusal import RefusedError
from limitproof.stories import Ask, Drop, Forget, Go, Kill, Lose, Wait
from limitproof.verify.player import Player, StoryError
from limitproof.verify.searches.races import together
from limitproof.verify.searches.stage import Clock, Stage

MILLISECOND = 1_000  # µs
SECOND = 1_000_000  # µs
CLIENTS = 3
KEYS = ("k", "k", "l", "m")
COSTS = (None, None, None, 1, 2, 3)
ASKED = st.tuples(st.sampled_from(KEYS), st.sampled_from(COSTS))
STEPS = 25  # rules in a story
SHORTENED = 3  # times as many stories, with those by which Hypothesis shortens one
TROUBLES = (Kill, Lose, Drop)


class EnoughError(BaseException):
    """There is no time left. Not an Exception, so that Hypothesis takes it for no failure."""


class BrokenError(AssertionError):
    """A check fails in the story that was just told."""


class Rules(RuleBasedStateMachine):
    """One story; a subclass says on which stage, at which level, and until when.

    target: the check whose story is shortened, once there is one; most: stories on the stage's
    tally after which it stops; stopped: not empty from then on.
    """

    stage: Stage
    level: Cause
    clock: Clock
    most: int
    target: list[str]
    stopped: list[bool]
    takes_cost: bool

    def __init__(self) -> None:
        super().__init__()
        if self.clock.over or self.stage.tally.counts["stories"] >= self.most:
            self.stopped.append(True)
            raise EnoughError
        self.player: Player = self.stage.player()
        self.spoilt = False

    @rule(
        client=st.integers(0, CLIENTS - 1),
        asked=ASKED,
        times=st.integers(1, 4),
    )
    def acquire(self, client: int, asked: tuple[str, int | None], times: int) -> None:
        for _ in range(times):
            self.ask(client, *asked)
            self.finish([client])

    @rule(
        eighths=st.integers(1, 16),
        nudge=st.sampled_from([0, MILLISECOND, -MILLISECOND, 2 * MILLISECOND]),
    )
    def wait(self, eighths: int, nudge: int) -> None:
        part = self.stage.window * eighths // 8
        self.pause(part - part % MILLISECOND + nudge)

    @rule(windows=st.integers(2, 5))
    def idle(self, windows: int) -> None:
        self.pause(windows * self.stage.window)

    @rule(which=st.integers(0, 30), nudge=st.sampled_from([MILLISECOND, 0, -MILLISECOND]))
    def wait_for_an_edge(self, which: int, nudge: int) -> None:
        """Until a request is a window old, a key ends, or a told wait is over."""
        edges = sorted({one for one in self.edges() if one > self.player.instant})
        if edges:
            instant = edges[which % len(edges)] + nudge
            self.pause(math.ceil((instant - self.player.instant) / MILLISECOND) * MILLISECOND)

    @precondition(lambda self: self.level is not Cause.ALGORITHM)
    @rule(
        asked=st.lists(ASKED, min_size=2, max_size=CLIENTS),
        schedule=st.lists(st.integers(0, CLIENTS), max_size=14),
    )
    def burst(self, asked: list[tuple[str, int | None]], schedule: list[int]) -> None:
        """Several ask at once; in the schedule the last number is a moment in which all pause."""
        clients = range(len(asked))
        for client, (key, cost) in zip(clients, asked, strict=True):
            self.ask(client, key, cost)
        paused = False
        for client in schedule:
            if client < len(asked):
                if self.player.busy(client):
                    self.do(Go(client))
            elif not paused:
                self.do(Wait(MILLISECOND))
                paused = True
        self.finish(list(clients))

    @precondition(lambda self: self.level is Cause.FAULT)
    @rule(
        client=st.integers(0, CLIENTS - 1),
        asked=ASKED,
        steps=st.integers(0, 4),
        trouble=st.sampled_from(TROUBLES),
    )
    def trouble(self, client: int, asked: tuple[str, int | None], steps: int, trouble: Any) -> None:
        """A client dies after so many steps, or a command or its reply is lost."""
        self.ask(client, *asked)
        for _ in range(steps):
            if self.player.busy(client):
                self.do(Go(client))
        if self.player.busy(client):
            self.do(trouble(client))
        self.finish([client])

    @precondition(lambda self: self.level is Cause.FAULT)
    @rule()
    def forget(self) -> None:
        self.do(Forget())

    def teardown(self) -> None:
        if self.spoilt or not self.player.events:
            return
        failing = self.stage.look(self.player)
        if failing and not self.target:
            self.target.append(failing[0])
        if any(name in failing for name in self.target):
            raise BrokenError(self.target[0])

    def ask(self, client: int, key: str, cost: int | None) -> None:
        self.do(Ask(client, key, cost if self.takes_cost else None))

    def do(self, event: Any) -> None:
        """Let an event happen; one that cannot happen now is left out."""
        if self.spoilt:
            return
        try:
            self.player.do(event)
        except StoryError:
            self.player.events.pop()
        except RefusedError:
            if self.level is not Cause.FAULT:
                raise
            self.spoilt = True  # a limiter that waits for a dead one for ever
            self.stage.tally.given_up["endless"] += 1

    def pause(self, microseconds: int) -> None:
        if microseconds > 0:
            self.do(Wait(microseconds))

    def finish(self, clients: Sequence[int]) -> None:
        if self.spoilt:
            return
        try:
            together(self.player, list(clients))
        except RefusedError:
            if self.level is not Cause.FAULT:
                raise
            self.spoilt = True
            self.stage.tally.given_up["endless"] += 1
        for client in clients:
            if not self.spoilt and self.player.busy(client):
                self.do(Kill(client))

    def edges(self) -> Iterator[int]:
        window = self.stage.window
        for one in self.player.tale().operations[-12:]:
            yield one.begun + window
            if one.ended is not None:
                yield one.ended + window
                told = told_of(one)
                if told is not None and math.isfinite(told) and told >= 0:
                    yield one.ended + math.ceil(min(told, 10**6) * SECOND)
        for entry in self.stage.world.snapshot().entries:
            if entry.ends >= 0:
                yield entry.ends * MILLISECOND


def search(
    stage: Stage, level: Cause, *, examples: int, seconds: float, takes_cost: bool, number: int
) -> bool:
    """Let Hypothesis tell stories until a check fails, or there were enough; whether it was.

    What is found lies in `stage.found`; the shortest of what Hypothesis made of it. `number` is
    the seed: the same one gives the same stories.
    """
    stopped: list[bool] = []
    told = {
        "stage": stage, "level": level, "clock": Clock(seconds), "target": [], "stopped": stopped,
        "takes_cost": takes_cost, "most": stage.tally.counts["stories"] + SHORTENED * examples,
    }  # fmt: skip
    rules = type("Rules", (Rules,), told)

    def machine() -> Rules:
        made: Rules = rules()
        return made

    chosen = settings(
        max_examples=examples,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        verbosity=Verbosity.quiet,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
    )
    seeded: Callable[[], Rules] = seed(number)(machine)
    with _own_home():
        try:
            run_state_machine_as_test(seeded, settings=chosen)  # type: ignore[arg-type]
        except EnoughError:
            return False
        except (Flaky, FlakyStrategyDefinition):  # stopped midway, or not the same twice
            if not stopped:
                stage.tally.given_up["not the same when it was done again"] += 1
            return False
        except BrokenError:
            pass
    return True


@contextmanager
def _own_home() -> Iterator[None]:
    """Hypothesis writes nothing where the user stands."""
    with private_directory() as home:  # swept when this process is killed
        set_hypothesis_home_dir(home)
        try:
            yield
        finally:
            set_hypothesis_home_dir(None)
