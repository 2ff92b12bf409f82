"""A witness of a search becomes a counterexample: run again from an empty server, and measured."""

from __future__ import annotations

from limitproof.check.instants import asked_of, overshoot_for_certain, refused_in_vain
from limitproof.check.yardstick import Yardstick
from limitproof.explored import Counterexample
from limitproof.history.outcome import Outcome
from limitproof.schedules import Run, Schedule, portable
from limitproof.simulate.because import because_of
from limitproof.simulate.promised import yardstick_of
from limitproof.simulate.search.coverage import Coverage, Witness
from limitproof.simulate.search.ends import end_of
from limitproof.simulate.trace import follow
from limitproof.simulate.world import World


def confirm(
    world: World, witness: Witness | None, check: str, coverage: Coverage
) -> Counterexample | None:
    """Run a witness once more from an empty server; None when it does not show there."""
    if witness is None:
        return None
    cast, yardstick = world.cast, yardstick_of(world.cast)
    run = world.run(follow(witness.choices))
    told = world.told()
    measure = measured(world, run, check, yardstick, coverage)
    if measure < witness.measure or run.choices != witness.choices:
        return None
    schedule = Schedule(
        portable(cast.target.spec), cast.quota.limit, cast.quota.window, cast.clients,
        cast.requests, cast.seed, cast.granularity, run.choices, check,
        tuple(step.commands for step in run.steps), cast.offsets, cast.promise,
    )  # fmt: skip
    # as many turns as clients, and no time passed: nobody was interrupted
    still = all(choice >= 0 for choice in run.choices)
    sequential = witness.sequential or (still and run.switches < len(run.clients))
    because = because_of(run, check, yardstick, told, sequential=sequential)
    return Counterexample(check, measure, schedule, run, because, sequential)


def measured(world: World, run: Run, check: str, yardstick: Yardstick, coverage: Coverage) -> int:
    """How large the defect is that a run which has just ended shows; 0 when it shows none."""
    requests = asked_of(run.answers, run.spans)
    match check:
        case "overshoot":
            return overshoot_for_certain(requests, yardstick)
        case "false-rejection":
            return int(refused_in_vain(requests, yardstick))
        case "contract":
            return int(any(one.outcome is Outcome.ERROR for one in requests))
    assert coverage.names is not None
    return int(end_of(world.told(), world.snapshot(), coverage.names) not in coverage.orders)
