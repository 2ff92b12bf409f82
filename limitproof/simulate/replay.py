"""Running a saved schedule again, perhaps against a limiter that has changed since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import zip_longest
from pathlib import Path

from limiters.contract import Quota
from limiters.registry import Target
from limitproof.check.instant import overshoot_at_once, refused_with_room
from limitproof.history.columns import Outcome
from limitproof.schedules import Run, Schedule
from limitproof.simulate.explore import promised
from limitproof.simulate.refusal import RefusedError
from limitproof.simulate.world import Cast, Choose, open_world


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
    quota = Quota(schedule.limit, schedule.window)
    cast = Cast(
        target,
        quota,
        schedule.clients,
        schedule.requests,
        schedule.seed,
        schedule.granularity,
        schedule.offsets,
    )
    try:
        limit = promised(cast)
        with open_world(cast, program=program) as world:
            run = world.run(_choices_to(schedule.choices))
            parts = _where_they_part(schedule, run)
            if parts or schedule.shows != "overshoot":
                run = world.run(_choices_to(schedule.choices, to_the_end=True))
    except RefusedError as refusal:
        return Replay(Replayed.ERROR, None, f"not simulated: {refusal}")
    if any(Outcome.ERROR in answers for answers in run.answers):
        return Replay(Replayed.ERROR, run, "the limiter raised, or gave no Decision", parts)
    over = overshoot_at_once(run.answers, limit)
    if schedule.shows == "overshoot":
        said = f"{over} over the limit of {limit}" if over else "nothing over the limit"
        fails = over > 0
    else:
        fails = refused_with_room(run.answers, limit)
        said = "somebody is refused while there is room" if fails else "nobody is refused in vain"
    return Replay(Replayed.STILL_FAILS if fails else Replayed.FIXED, run, said, parts)


def _choices_to(choices: Sequence[int], *, to_the_end: bool = False) -> Choose:
    """The choices as far as they can be followed; then, if asked, one client after the other."""
    left = list(choices)

    def choose(enabled: Sequence[int]) -> int | None:
        while left:
            if (wanted := left.pop(0)) in enabled:
                return wanted
        return enabled[0] if to_the_end else None

    return choose


def _where_they_part(schedule: Schedule, run: Run) -> str:
    now = [(step.client, step.commands) for step in run.steps]
    then = list(zip(schedule.choices, schedule.commands, strict=False))
    if not then:
        return ""
    for number, (old, new) in enumerate(zip_longest(then, now), start=1):
        if old != new:
            was = "nothing" if old is None else "; ".join(old[1])
            sent = "nothing" if new is None else "; ".join(new[1])
            return f"step {number}: recorded was {was}, sent is {sent}"
    return ""
