"""Running a saved schedule again, perhaps against a limiter that has changed since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import zip_longest
from pathlib import Path

from limiters.contract import Quota
from limiters.registry import Target
from limitproof.history.outcome import Outcome
from limitproof.schedules import Run, Schedule
from limitproof.simulate.cast import Cast
from limitproof.simulate.confirm import measured
from limitproof.simulate.explore import NOTHING, promised
from limitproof.simulate.opening import open_world
from limitproof.simulate.promised import yardstick_of
from limitproof.simulate.refusal import RefusedError, TimeNeededError, UncacheableError
from limitproof.simulate.search.complete import orders_of
from limitproof.simulate.search.orders import SLEPT, Orders
from limitproof.simulate.trace import Choose
from limitproof.simulate.world import World

SAID = {
    "overshoot": ("", "nothing over the limit"),
    "false-rejection": ("somebody is refused while there is room", "nobody is refused in vain"),
    "contract": ("", "every request has a Decision"),
    "linearizable": ("it ends as no order of the requests does", "it ends as some order does"),
}
"""What is said of a run that shows the defect, and of one that does not, by check."""

SOON = ("overshoot", "false-rejection")
"""What a run shows before it has ended: what comes later takes nothing back."""


class Replayed(StrEnum):
    FIXED = "FIXED"
    STILL_FAILS = "STILL FAILS"
    ERROR = "ERROR"


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of a schedule: `parts` tells where the commands differ from the recorded ones."""

    result: Replayed
    run: Run | None
    said: str
    parts: str = ""


def replay(schedule: Schedule, target: Target, *, program: Path | None = None) -> Replay:
    """Run it from an empty server; a changed limiter is run to its end.

    Raises ServerError when there is no server, no libfaketime, or the server dies.
    """
    cast = Cast(
        target,
        Quota(schedule.limit, schedule.window),
        schedule.clients,
        schedule.requests,
        schedule.seed,
        schedule.granularity,
        schedule.offsets,
        promise=schedule.promise,
    )
    moving = any(choice < 0 for choice in schedule.choices)
    try:
        promised(cast)
        try:
            with open_world(cast, program=program, moving=moving) as world:
                return _replay(world, schedule)
        except TimeNeededError:  # a sleep moves the clock, and is no choice
            with open_world(cast, program=program, moving=True) as world:
                return _replay(world, schedule)
    except RefusedError as refusal:
        return Replay(Replayed.ERROR, None, f"not simulated: {refusal}")


def _replay(world: World, schedule: Schedule) -> Replay:
    coverage = NOTHING
    if schedule.shows == "linearizable":
        try:
            ends, names = orders_of(world)
        except UncacheableError:
            orders = Orders(world, alike=False)
            orders.hold(world.trace(_choices_to(schedule.choices, to_the_end=True)))
            if orders.why:
                return Replay(Replayed.ERROR, None, f"its orders cannot be told: {orders.why}")
            ends, names = orders.ends, orders.names
        if not ends:
            return Replay(Replayed.ERROR, None, f"its orders cannot be told: {SLEPT}")
        coverage = replace(NOTHING, orders=ends, names=names)
    run = world.run(_choices_to(schedule.choices))
    parts = _where_they_part(schedule, run)
    if parts or schedule.shows not in SOON:
        run = world.run(_choices_to(schedule.choices, to_the_end=True))
    moved = sum(-choice for choice in run.choices if choice < 0)
    if schedule.shows == "linearizable" and run.steps and run.steps[-1].at > moved:
        return Replay(Replayed.ERROR, run, f"its end cannot be compared: {SLEPT}", parts)
    raised = any(Outcome.ERROR in answers for answers in run.answers)
    if raised and schedule.shows != "contract":
        return Replay(Replayed.ERROR, run, "the limiter raised, or gave no Decision", parts)
    yardstick = yardstick_of(world.cast)
    size = measured(world, run, schedule.shows, yardstick, coverage)
    fails, fixed = SAID[schedule.shows]
    if schedule.shows == "overshoot":
        fails = f"{size} over the limit of {yardstick.limit}"
    if raised:
        fails = run.errors[0]
    result = Replayed.STILL_FAILS if size else Replayed.FIXED
    return Replay(result, run, fails if size else fixed, parts)


def _choices_to(choices: Sequence[int], *, to_the_end: bool = False) -> Choose:
    """The choices as far as they can be followed; then, if asked, one client after the other."""
    left = list(choices)

    def choose(enabled: Sequence[int]) -> int | None:
        while left:
            if (wanted := left.pop(0)) < 0 or wanted in enabled:
                return wanted
        return enabled[0] if to_the_end else None

    return choose


def _where_they_part(schedule: Schedule, run: Run) -> str:
    now = list(zip(run.choices, (step.commands for step in run.steps), strict=True))
    then = list(zip(schedule.choices, schedule.commands, strict=False))
    if not then:
        return ""
    for number, (old, new) in enumerate(zip_longest(then, now), start=1):
        if old != new:
            return f"step {number}: recorded was {_shown(old)}, sent is {_shown(new)}"
    return ""


def _shown(step: tuple[int, tuple[str, ...]] | None) -> str:
    """What was sent in a step: its choice and commands; None where there was no more step."""
    if step is None or not (step[1] or step[0] < 0):
        return "nothing"
    return "; ".join(step[1]) or f"nothing, and the clock moved on by {-step[0] / 1000:g} ms"
