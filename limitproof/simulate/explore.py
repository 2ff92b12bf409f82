"""Exploring one limiter: search, confirm, judge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

from limitproof.check.verdict import Verdict
from limitproof.explored import Counterexample
from limitproof.history.outcome import Outcome
from limitproof.simulate.bindings import Known
from limitproof.simulate.cast import Cast
from limitproof.simulate.confirm import confirm
from limitproof.simulate.determinism import SAMPLE, differs, unaccounted
from limitproof.simulate.opening import open_world
from limitproof.simulate.promised import yardstick_of
from limitproof.simulate.refusal import (
    RefusedError,
    SlowError,
    TimeNeededError,
    UncacheableError,
    UnknownScriptError,
)
from limitproof.simulate.rehearsal import whim
from limitproof.simulate.search.complete import Complete
from limitproof.simulate.search.coverage import Coverage, Tell
from limitproof.simulate.search.deepen import deepen
from limitproof.simulate.search.dpor import Dpor
from limitproof.simulate.search.pct import chance, pct
from limitproof.simulate.search.walk import Walk
from limitproof.simulate.world import World

TRIES = 4  # of a search in which the server turned out not to know a script yet
SAMPLING = 0.1  # of the seconds, at most, for each sample that shows whether runs repeat, or
LEAST_SAMPLING = 0.5  # seconds, which suffice for a whole one of short runs on a busy machine
SEARCHING = 0.8  # of the seconds are for a complete search
GRACE = 2.0  # seconds on top of them, for what has begun by then
NOTHING = Coverage("none", complete=False, sentence="nothing was explored")
DEPTH = 3  # of PCT: races of limiters need a read, a write between, and a decision


@dataclass(frozen=True, slots=True)
class Exploration:
    """What exploring a limiter has shown. `doubt` says why nothing can be a pass, else "".

    coverage: of the search at one instant; timed: of the search in which the clock moves, None
    where there was none; beyond: what it has covered, or why it was not made, for a person.
    Defects, each None where none was shown: overshoot, worst (the largest), refusal (refused while
    there was room), error (no Decision), disorder (an end that no order of the requests one after
    the other has). sleeps: it does within a request, which moves the clock.
    """

    cast: Cast
    limit: int
    server: Mapping[str, str]
    coverage: Coverage
    overshoot: Counterexample | None = None
    worst: Counterexample | None = None
    refusal: Counterexample | None = None
    doubt: str = ""
    seconds: float = 0.0
    error: Counterexample | None = None
    disorder: Counterexample | None = None
    timed: Coverage | None = None
    beyond: str = ""
    sleeps: bool = False

    @property
    def moves(self) -> int:
        """Up to so many moves of the clock all is accounted for; -1: not even at one instant."""
        timed = self.timed.moves if self.timed is not None else -1
        return max(timed, 0 if self.coverage.complete else -1)

    def verdict(self, finding: Counterexample | None) -> Verdict:
        """Of a check whose counterexample this is, or None.

        A pass needs a complete search at one instant. How far the clock has moved is told beside
        it (`beyond`), and does not take the pass away: the search has no natural end there.
        """
        if finding is not None:
            return Verdict.FAIL
        return Verdict.PASS if self.coverage.complete and not self.doubt else Verdict.UNKNOWN

    @property
    def order_verdict(self) -> Verdict:
        """Of `linearizable`: unknown also where the ends of all orders were not compared."""
        verdict = self.verdict(self.disorder)
        compared = bool(self.coverage.orders)
        return Verdict.UNKNOWN if verdict is Verdict.PASS and not compared else verdict

    @property
    def unfinished(self) -> bool:
        """Whether all that keeps it from passing is that its time was over."""
        return self.coverage.unfinished and self.doubt == self.coverage.stopped


def explore(
    cast: Cast,
    seconds: float,
    tell: Tell,
    *,
    program: Path | None = None,
    further: bool = False,
) -> Exploration:
    """Look through the interleavings of a limiter's clients for at most about `seconds`.

    First at one instant; then, if nothing is wrong there and `cast.moves` allows it, with one move
    of the clock, then two, as far as the time suffices; further: also if something is wrong. A
    limiter that sleeps moves the clock by itself, and is looked at with moving clocks from the
    start; so are clients whose requests are to begin at different instants.

    Raises ServerError when there is no server, no libfaketime, or the server dies.
    """
    begun = perf_counter()
    until = begun + seconds + GRACE
    found = Exploration(cast, cast.quota.limit, {}, NOTHING)
    moving, known = cast.apart > 0, Known()
    try:
        found = replace(found, limit=promised(cast))
        try:
            if not moving:
                with open_world(cast, program=program, until=until, known=known) as world:
                    found = replace(found, server=world.server.meta)
                    found = _explore(world, found.limit, seconds, tell)
        except TimeNeededError:
            moving, found = True, replace(found, sleeps=True)
        left = SEARCHING * seconds - (perf_counter() - begun)
        if moving or (cast.moves and not (why := _not_further(found, left, further=further))):
            with open_world(cast, program=program, moving=True, until=until, known=known) as world:
                found = replace(found, server=world.server.meta)
                found = _move_on(world, found, max(left, 0.0), tell)
        elif cast.moves:
            found = replace(found, beyond=why)
    except RefusedError as refusal:
        why = f"not simulated: {refusal}"
        if found.coverage.complete:  # it is as the clock moves that it does what cannot be
            found = replace(found, beyond=f"where the clock moves: {why}")
        else:
            found = replace(found, coverage=NOTHING, doubt=why)
    return replace(found, seconds=perf_counter() - begun)


def promised(cast: Cast) -> int:
    """The most that the limiter's promise allows at once.

    Raises RefusedError when that is no promise, or when all requests together do not exceed it.
    """
    limit = yardstick_of(cast).limit
    if (asked := cast.clients * cast.requests) <= limit:
        raise RefusedError(f"it promises {limit} at once, which {asked} requests never exceed")
    return limit


def _explore(world: World, limit: int, seconds: float, tell: Tell) -> Exploration:
    cast, meta = world.cast, world.server.meta
    # Twice: a script that the server meets for the first time makes one run unlike the next.
    begun, sample = perf_counter(), max(SAMPLING * seconds, LEAST_SAMPLING)
    doubt = differs(world, seconds=sample) and differs(world, seconds=sample)
    seconds = max(seconds - (perf_counter() - begun), 0.0)
    if doubt:
        seen = Walk(most=SAMPLE, afresh=True).search(world, limit, seconds, tell)
        seen = replace(seen, first=None, worst=None, refusal=None)
        return Exploration(cast, limit, meta, seen, doubt=doubt)
    coverage = _search(world, limit, seconds, tell)
    doubt = coverage.stopped
    try:
        if coverage.complete and (strange := unaccounted(world, coverage, seconds=sample)):
            coverage, doubt = replace(coverage, complete=False), strange
        doubt = doubt or world.doubt or whim(world, sample)
    except SlowError as slow:  # what was found is shown all the same
        doubt = doubt or str(slow)
    return _confirmed(world, Exploration(cast, limit, meta, coverage, doubt=doubt), coverage)


def _confirmed(world: World, found: Exploration, coverage: Coverage) -> Exploration:
    """The witnesses of a search, run once more; a doubt where one does not show again."""
    doubt = found.doubt
    if any(Outcome.ERROR in one for end in coverage.outcomes for one in end):
        doubt = doubt or "in some schedules the limiter raised or answered with no Decision"
    wanted = (
        (coverage.first, "overshoot"), (coverage.worst, "overshoot"),
        (coverage.refusal, "false-rejection"), (coverage.error, "contract"),
        (coverage.disorder, "linearizable"),
    )  # fmt: skip
    world.pace.allow_more()  # a few runs, without which nothing is shown
    shown = [confirm(world, witness, check, coverage) for witness, check in wanted]
    if any(witness and not one for (witness, _), one in zip(wanted, shown, strict=True)):
        doubt = "a counterexample did not show again from an empty server"
    first, worst, refusal, error, disorder = shown
    return replace(
        found,
        doubt=doubt,
        overshoot=found.overshoot or first,
        worst=found.worst or worst,
        refusal=found.refusal or refusal,
        error=found.error or error,
        disorder=found.disorder or disorder,
    )


def _not_further(found: Exploration, left: float, *, further: bool) -> str:
    """Why the clock is not moved after a search at one instant; "" when it is."""
    if not further and (found.overshoot or found.refusal or found.error):
        return "the clock did not move: what fails at one instant comes first"
    if (found.doubt and not found.error) or not found.coverage.complete:
        return "the clock did not move: the search at one instant was not complete"
    return "" if left > 0 else "the clock did not move: the time was over"


def _move_on(world: World, found: Exploration, seconds: float, tell: Tell) -> Exploration:
    """Search again with moves of the clock; what was found at one instant stays as it is."""
    moves = world.cast.moves
    begun, sample = perf_counter(), max(SAMPLING * seconds, LEAST_SAMPLING)
    if why := differs(world, moves, sample) or differs(world, moves, sample):
        return replace(found, beyond=f"the clock did not move: {why}", doubt=found.doubt or why)
    seconds = max(seconds - (perf_counter() - begun), 0.0)
    timed, why = _by_states(world, found.limit, seconds, tell, moves)
    if timed is None and not world.cast.apart:
        seen = int(found.coverage.complete)  # without a move all is accounted for
        timed = deepen(world, found.limit, seconds, tell, moves, first=min(seen, moves))
        timed = replace(timed, sentence=f"{timed.sentence} ({timed.strategy}, because {why})")
    if timed is None:
        why = f"the clock did not move: {why}"
        return replace(found, beyond=why, doubt=found.doubt if found.coverage.complete else why)
    doubt = found.doubt
    try:
        if timed.moves >= 0:
            doubt = doubt or unaccounted(world, timed, timed.moves, sample)
        doubt = doubt or world.doubt or whim(world, sample)
    except SlowError as slow:
        doubt = doubt or str(slow)
    if not found.coverage.complete:  # there was no search at one instant
        now = replace(timed, complete=timed.moves >= (moves if world.cast.apart else 0))
        doubt = doubt or ("" if now.complete else now.stopped)
        if now.complete and not now.schedules:
            doubt = "not all requests can begin within so few moves of the clock"
        found = replace(found, coverage=now, doubt=doubt)
    else:
        found = replace(found, doubt=doubt, beyond=timed.sentence + _bad_ones(timed))
    return _confirmed(world, replace(found, timed=timed), timed)


def _search(world: World, limit: int, seconds: float, tell: Tell) -> Coverage:
    """By states; where these cannot be kept, by runs; else by PCT.

    `stopped` says why the last complete search was none, whatever was walked after it.
    """
    begun = perf_counter()
    coverage, why = _by_states(world, limit, SEARCHING * seconds, tell)
    if coverage is None:
        left = SEARCHING * (seconds - (perf_counter() - begun))
        coverage = Dpor().search(world, limit, left, tell)
        how = f"({coverage.strategy}, because {why})"
        coverage = replace(coverage, sentence=f"{coverage.sentence} {how}")
        why = f"{coverage.stopped} {how}"
    if coverage.complete or coverage.first or coverage.refusal:
        return coverage
    left = max(seconds - (perf_counter() - begun), 0.1 * seconds)
    steps = len(world.trace(lambda enabled: enabled[0]).choices)
    clients = world.cast.clients
    walked = pct(clients, steps, DEPTH).search(world, limit, left, tell)
    sure = chance(clients, steps, DEPTH, walked.schedules)
    said = f"{walked.sentence}; a race of depth {DEPTH} is found with a probability of {sure:.2g}"
    stopped, unfinished = why or coverage.stopped, coverage.unfinished
    return replace(walked, sentence=said, stopped=stopped, unfinished=unfinished)


def _by_states(
    world: World, limit: int, seconds: float, tell: Tell, moves: int = 0
) -> tuple[Coverage | None, str]:
    """Complete search with state caching; None where that is not valid, and why."""
    why = ""
    for _ in range(TRIES):
        try:
            return Complete(moves).search(world, limit, seconds, tell), ""
        except UnknownScriptError as error:
            why = str(error)
            differs(world, moves)  # some runs on live connections: they load what is missing
        except UncacheableError as error:
            return None, str(error)
    return None, why


def _bad_ones(timed: Coverage) -> str:
    """How many of the schedules in which the clock moves are bad, in words."""
    told = (
        (timed.overshooting, "overshoot"),
        (timed.refusing, "refuse somebody while there is room"),
        (timed.erring, "end without a Decision"),
    )
    return "".join(f"; {count:,} of these {what}" for count, what in told if count)
