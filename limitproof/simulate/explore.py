"""Exploring one limiter: search, confirm, judge."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from limiters.promise import promise_of
from limitproof.check.instant import overshoot_at_once, refused_with_room
from limitproof.check.verdict import Verdict
from limitproof.check.yardstick import Yardstick
from limitproof.history.columns import Outcome
from limitproof.schedules import Run, Schedule
from limitproof.simulate.because import overshoot_because, refusal_because
from limitproof.simulate.complete import Complete
from limitproof.simulate.coverage import Coverage, Tell, Witness, sorted_answers
from limitproof.simulate.dpor import Dpor
from limitproof.simulate.pct import chance, pct
from limitproof.simulate.refusal import RefusedError, UncacheableError, UnknownScriptError
from limitproof.simulate.walk import Walk
from limitproof.simulate.world import Cast, Choose, World, open_world

SAMPLE = 8  # schedules that are run twice and compared
TRIES = 4  # of a search in which the server turned out not to know a script yet
DEPTH = 3  # of PCT: races of limiters need a read, a write between, and a decision


@dataclass(frozen=True, slots=True)
class Finding:
    """A defect with its confirmed run: check names it, measure is its size."""

    check: str
    measure: int
    schedule: Schedule
    run: Run
    because: str
    sequential: bool


@dataclass(frozen=True, slots=True)
class Exploration:
    """What exploring a limiter has shown. `doubt` says why nothing can be a pass, else ""."""

    cast: Cast
    limit: int
    server: Mapping[str, str]
    coverage: Coverage
    overshoot: Finding | None = None
    worst: Finding | None = None
    refusal: Finding | None = None
    doubt: str = ""
    seconds: float = 0.0

    def verdict(self, finding: Finding | None) -> Verdict:
        if finding is not None:
            return Verdict.FAIL
        return Verdict.PASS if self.coverage.complete and not self.doubt else Verdict.UNKNOWN


def explore(cast: Cast, seconds: float, tell: Tell, *, program: Path | None = None) -> Exploration:
    """Look through the interleavings of a limiter's clients for at most about `seconds`.

    Raises ServerError when there is no server, no libfaketime, or the server dies.
    """
    begun = time.perf_counter()
    server: Mapping[str, str] = {}
    nothing = Coverage("none", complete=False, sentence="nothing was explored")
    limit = cast.quota.limit
    try:
        limit = promised(cast)
        with open_world(cast, program=program) as world:
            server = world.server.meta
            found = _explore(world, limit, seconds, tell)
    except RefusedError as refusal:
        found = Exploration(cast, limit, server, nothing, doubt=f"not simulated: {refusal}")
    return replace(found, seconds=time.perf_counter() - begun)


def promised(cast: Cast) -> int:
    """The most that the limiter's promise allows at once.

    Raises RefusedError when that is no promise, or when all requests together do not exceed it.
    """
    try:
        limit = Yardstick.of(promise_of(cast.target.factory, cast.quota)).limit
    except (TypeError, ValueError) as error:
        raise RefusedError(f"its promise cannot be judged: {error}") from error
    if (asked := cast.clients * cast.requests) <= limit:
        raise RefusedError(f"it promises {limit} at once, which {asked} requests never exceed")
    return limit


def _explore(world: World, limit: int, seconds: float, tell: Tell) -> Exploration:
    cast, meta = world.cast, world.server.meta
    # Twice: a script that the server meets for the first time makes one run unlike the next.
    doubt = differs(world) and differs(world)
    if doubt:
        sample = Walk(most=SAMPLE).search(world, limit, seconds, tell)
        sample = replace(sample, first=None, worst=None, refusal=None)
        return Exploration(cast, limit, meta, sample, doubt=doubt)
    coverage, doubt = _search(world, limit, seconds, tell)
    if coverage.complete and (strange := _strange(world, coverage)):
        coverage, doubt = replace(coverage, complete=False), strange
    if not doubt and any(Outcome.ERROR in one for end in coverage.outcomes for one in end):
        doubt = "in some schedules the limiter raised or answered with no Decision"
    if not doubt and world.drew_late:
        doubt = "it draws random numbers in some schedules only, so a run may not repeat"
    found = Exploration(cast, limit, meta, coverage)
    first = confirm(world, coverage.first, "overshoot", limit)
    worst = confirm(world, coverage.worst, "overshoot", limit)
    refusal = confirm(world, coverage.refusal, "false-rejection", limit)
    if (coverage.first and not first) or (coverage.refusal and not refusal):
        doubt = "a counterexample did not show again from an empty server"
    return replace(found, overshoot=first, worst=worst, refusal=refusal, doubt=doubt)


def _search(world: World, limit: int, seconds: float, tell: Tell) -> tuple[Coverage, str]:
    """By states; where these cannot be kept, by runs; else by PCT. And why it is not complete."""
    begun = time.perf_counter()
    coverage, why = _by_states(world, limit, 0.8 * seconds, tell)
    if coverage is None:
        left = 0.8 * (seconds - (time.perf_counter() - begun))
        coverage = Dpor().search(world, limit, left, tell)
        said = f"{coverage.sentence} ({coverage.strategy}, because {why})"
        coverage = replace(coverage, sentence=said)
        why = f"{why}; {coverage.strategy}: {coverage.stopped}"
    if coverage.complete or coverage.first or coverage.refusal:
        return coverage, coverage.stopped
    left = max(seconds - (time.perf_counter() - begun), 0.1 * seconds)
    steps = len(world.trace(lambda enabled: enabled[0]).choices)
    clients = world.cast.clients
    walked = pct(clients, steps, DEPTH).search(world, limit, left, tell)
    sure = chance(clients, steps, DEPTH, walked.schedules)
    said = f"{walked.sentence}; a race of depth {DEPTH} is found with a probability of {sure:.2g}"
    return replace(walked, sentence=said), why or coverage.stopped


def _by_states(world: World, limit: int, seconds: float, tell: Tell) -> tuple[Coverage | None, str]:
    """Complete search with state caching; None where that is not valid, and why."""
    why = ""
    for _ in range(TRIES):
        try:
            return Complete().search(world, limit, seconds, tell), ""
        except UnknownScriptError as error:
            why = str(error)
            differs(world)  # some runs on live connections: they load what is missing
        except UncacheableError as error:
            return None, str(error)
    return None, why


def differs(world: World) -> str:
    """Run a sample of schedules twice: what is different the second time; "" when nothing is."""
    for number in range(SAMPLE):
        runs = [world.trace(_random_choice(world.cast.seed + number)) for _ in range(2)]
        if runs[0] != runs[1]:
            what = "sent other commands" if runs[0].packets != runs[1].packets else "was answered"
            return f"the same schedule, run twice, {what} differently: it is not deterministic"
    return ""


def _strange(world: World, coverage: Coverage) -> str:
    """Whether some real run ends as no state of the complete search does."""
    for number in range(SAMPLE):
        trace = world.trace(_random_choice(world.cast.seed + number))
        if sorted_answers(trace.answers) not in coverage.outcomes:
            return "a real run ended as no state of the search does: its states are not all"
    return ""


def _random_choice(seed: int) -> Choose:
    source = random.Random(seed)
    return lambda enabled: source.choice(enabled)


def follow(choices: tuple[int, ...]) -> Choose:
    """The choices one by one, then the end; a client that wants nothing is left out."""
    left = list(choices)

    def choose(enabled: Sequence[int]) -> int | None:
        while left:
            wanted = left.pop(0)
            if wanted in enabled:
                return wanted
        return None

    return choose


def confirm(world: World, witness: Witness | None, check: str, limit: int) -> Finding | None:
    """Run a witness once more from an empty server; None when it does not show there."""
    if witness is None:
        return None
    run = world.run(follow(witness.choices))
    measure = (
        overshoot_at_once(run.answers, limit)
        if check == "overshoot"
        else int(refused_with_room(run.answers, limit))
    )
    if measure < witness.measure or run.choices != witness.choices:
        return None
    cast = world.cast
    schedule = Schedule(
        cast.target.spec, cast.quota.limit, cast.quota.window, cast.clients, cast.requests,
        cast.seed, cast.granularity, run.choices, check,
        tuple(step.commands for step in run.steps), cast.offsets,
    )  # fmt: skip
    # as many turns as clients: nobody was interrupted
    sequential = witness.sequential or run.switches < len(set(run.choices))
    because = (
        overshoot_because(run, limit, sequential=sequential)
        if check == "overshoot"
        else refusal_because(run, limit)
    )
    return Finding(check, measure, schedule, run, because, sequential)
