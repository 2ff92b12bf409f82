"""`python -m tests.mutants.judge TARGET`: what `limitproof verify` finds first, without its clock.

The checks of `limitproof verify`, but counted instead of timed, so that a busy machine finds the
same; and with several quotas, for with one a rounding of another is not seen: 4 in 1 s gives each
request a whole number of microseconds, and only in a long window a millionth is a millisecond.
Prints the failure as `limitproof verify --json -` does, and ends with 1, at the first one that is
not known of the original; else with 0, or with 3 and why where something could not be simulated.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress

from limiters.contract import Quota
from limiters.registry import entry, resolve
from limitproof.check.verdict import Cause, CheckResult, Verdict
from limitproof.schedules import Granularity
from limitproof.servers.errors import ServerError
from limitproof.simulate.refusal import RefusedError
from limitproof.verify.contract import CONTRACT
from limitproof.verify.experiments.catalogue import EXPERIMENTS
from limitproof.verify.interleavings import NAMES, examine_interleavings
from limitproof.verify.laboratory import Check, Laboratory, Subject, open_laboratory
from limitproof.verify.machine import BY_FAULT, MODELLED, quotas_of
from limitproof.verify.searches.directed import MANY, large_costs, sequential, troubled
from limitproof.verify.searches.habits import habits_of
from limitproof.verify.searches.races import patterns, race
from limitproof.verify.searches.rules import search
from limitproof.verify.searches.stage import Stage, Tally

FIRST = Quota(4, 1.0)
OTHERS = (Quota(3, 0.25), Quota(7, 2.5), Quota(2, 7200.0))
AGES = 600.0  # seconds: what is tried is counted
INTERLEAVINGS = 3.0  # seconds: complete for two clients of one script in much less
EXAMPLES = 15  # of the state machine, on each level
Failed = tuple[str, str]
"""A check, and why it fails."""


def failures(target: str, refusals: list[str]) -> Iterator[Failed]:
    """What fails, the quick ways first. Raises TargetError and ServerError.

    refusals: where it is noted why something could not be simulated.
    """
    found = resolve(target)
    with open_laboratory(Subject(found, FIRST), AGES) as laboratory:
        yield from _by_check(laboratory, CONTRACT, refusals)
        yield from _by_stories(laboratory, laboratory.quota, refusals)
        yield from _by_large_costs(laboratory)
        for check in EXPERIMENTS[:-1]:
            yield from _by_check(laboratory, check, refusals)
        for quota in quotas_of(laboratory)[1:]:
            yield from _by_stories(laboratory, quota, refusals)
        yield from _by_races(laboratory, refusals)
        laboratory.allow(INTERLEAVINGS)
        examined = examine_interleavings(laboratory, NAMES)
        yield from _failing([one.result for one in examined.values()])
        yield from _by_check(laboratory, EXPERIMENTS[-1], refusals)
    for quota in OTHERS:
        with open_laboratory(Subject(found, quota), AGES) as laboratory:
            for other in quotas_of(laboratory)[:: 1 if quota is OTHERS[0] else 2]:
                yield from _by_stories(laboratory, other, refusals)
            for check in EXPERIMENTS:
                yield from _by_check(laboratory, check, refusals)
    with open_laboratory(Subject(found, FIRST), AGES) as laboratory:
        yield from _by_troubles(laboratory, refusals)
        for level in Cause:
            yield from _by_machine(laboratory, level, refusals)


@contextmanager
def _noting(refusals: list[str]) -> Iterator[None]:
    """A limiter that cannot be simulated there is judged by the rest, and not taken for right."""
    try:
        yield
    except RefusedError as refusal:
        refusals.append(str(refusal))


def _by_check(laboratory: Laboratory, check: Check, refusals: list[str]) -> Iterator[Failed]:
    laboratory.allow(AGES)
    with _noting(refusals):
        result = check.examine(laboratory).result
        yield from _failing([result])
        if result.verdict is Verdict.UNKNOWN:
            refusals.append(f"{check.name}: {result.because}")


def _failing(results: list[CheckResult]) -> Iterator[Failed]:
    for result in results:
        if result.verdict is Verdict.FAIL:
            yield result.name, result.because


def _by_stories(laboratory: Laboratory, quota: Quota, refusals: list[str]) -> Iterator[Failed]:
    with _noting(refusals), laboratory.world(quota=quota) as world:
        stage = Stage(laboratory, world, quota, "packet", set(MODELLED), Tally())
        takes_cost = habits_of(stage).takes_cost
        for direct in sequential(quota.limit, stage.window, takes_cost=takes_cost):
            stage.try_out(direct)
            yield from _kept(stage)
        yield from _untold(stage)
        refusals += stage.tally.given_up


def _by_large_costs(laboratory: Laboratory) -> Iterator[Failed]:
    """Where a limiter can be made for such a limit, and takes a cost."""
    quota, wanted = Quota(MANY, laboratory.quota.window), set(MODELLED) - {"weights"}
    with suppress(RefusedError), laboratory.world(quota=quota) as world:
        stage = Stage(laboratory, world, quota, "packet", wanted, Tally())
        if habits_of(stage).takes_cost:
            stage.try_out(large_costs)
            yield from _kept(stage)


def _untold(stage: Stage) -> Iterator[Failed]:
    """Each original tells both figures; `limitproof verify` says "not told" where it was passed."""
    counts = stage.tally.counts
    for name, figure in (("remaining", "figures told"), ("retry-after", "waits told")):
        if counts["refused"] and not counts[figure]:
            yield name, "not told"


def _by_races(laboratory: Laboratory, refusals: list[str]) -> Iterator[Failed]:
    """A pipeline without transaction also command by command."""
    granular: tuple[Granularity, ...] = ("packet", "command")
    for granularity in granular:
        with _noting(refusals), laboratory.world(granularity=granularity) as world:
            quota = laboratory.quota
            stage = Stage(laboratory, world, quota, granularity, set(MODELLED), Tally())
            habits = habits_of(stage)
            for pattern in patterns(stage.limit, stage.window, habits.steps):
                stage.try_out(race(pattern, stage.limit, stage.window))
                yield from _kept(stage)
            if not habits.splits and granularity == "packet":
                return


def _by_troubles(laboratory: Laboratory, refusals: list[str]) -> Iterator[Failed]:
    with _noting(refusals), laboratory.world() as world:
        stage = Stage(laboratory, world, laboratory.quota, "packet", set(BY_FAULT), Tally())
        for direct in troubled(stage.limit, habits_of(stage).steps):
            stage.try_out(direct)
            yield from _kept(stage)


def _by_machine(laboratory: Laboratory, level: Cause, refusals: list[str]) -> Iterator[Failed]:
    names = BY_FAULT if level is Cause.FAULT else set(MODELLED)
    with _noting(refusals), laboratory.world() as world:
        stage = Stage(laboratory, world, laboratory.quota, "packet", set(names), Tally())
        search(
            stage, level, examples=EXAMPLES, seconds=AGES,
            takes_cost=habits_of(stage).takes_cost, number=0,
        )  # fmt: skip
        yield from _kept(stage)


def _kept(stage: Stage) -> Iterator[Failed]:
    """What failed on this stage, in the story in which it did."""
    for name, found in stage.found.items():
        played = stage.replay(name, found.events)
        if played is not None and (why := stage.judged(name, played.tale)):
            yield name, why


def known_of(target: str) -> Collection[str]:
    """What the registry says that the original of a mutant, or a registered limiter, fails."""
    module = sys.modules[resolve(target).factory.__module__]
    return frozenset(entry(getattr(module, "LIMITER", target)).fails)


def main(target: str) -> int:
    known, refusals = known_of(target), list[str]()
    failed = first_unknown(target, known, refusals)
    told = [{"name": failed[0], "verdict": "fail", "because": failed[1]}] if failed else []
    sys.stdout.write(json.dumps({"checks": told, "refused": sorted(set(refusals))}))
    if failed:
        return 1
    return 3 if refusals else 0


def first_unknown(target: str, known: Collection[str], refusals: list[str]) -> Failed | None:
    """The first failure that is not known; a server that no longer answers hangs in a script."""
    try:
        return next((one for one in failures(target, refusals) if one[0] not in known), None)
    except ServerError as error:
        return "contract", f"hangs: {error}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
