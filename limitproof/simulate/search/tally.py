"""What came of the runs of a stateless search: how many are bad, and the smallest that show it."""

from __future__ import annotations

from collections.abc import Sequence

from limitproof.check.instant import overshoot_at_once, refused_with_room
from limitproof.check.instants import asked_of, overshoot_for_certain, refused_in_vain
from limitproof.history.outcome import Outcome
from limitproof.schedules import Answers
from limitproof.servers.virtual import START
from limitproof.simulate.promised import yardstick_of
from limitproof.simulate.search.causality import Event
from limitproof.simulate.search.coverage import Coverage, Stop, sorted_answers
from limitproof.simulate.search.ends import End
from limitproof.simulate.search.orders import SLEPT, Orders
from limitproof.simulate.search.witnesses import Witnesses
from limitproof.simulate.trace import Trace
from limitproof.simulate.world import World


class Tally:
    """Judges each run that has just ended, and counts.

    orders: what runs at one instant have to end in, None where nobody looks.
    """

    def __init__(self, world: World, orders: Orders | None) -> None:
        self._world, self._orders = world, orders
        self._yardstick = yardstick_of(world.cast)
        self._found = Witnesses(world)
        self._runs = self._overshooting = self._refusing = self._erring = self._disordered = 0
        self._outcomes: set[Answers] = set()
        self._slept = False

    def judge(self, trace: Trace, events: Sequence[Event]) -> None:
        """The run has just ended, and its keys are still there."""
        self._runs += 1
        self._outcomes.add(sorted_answers(trace.answers))
        still = self._world.instant == START
        self._slept |= not still and all(choice >= 0 for choice in trace.choices)
        if still and self._orders is not None and not self._orders.hold(trace):
            self._disordered += 1
            self._found.disorder(trace, events)
        if over := self._overshoot(trace, still=still):
            self._overshooting += 1
            self._found.overshoot(trace, events, over)
        if self._refuses(trace, still=still):
            self._refusing += 1
            self._found.refusal(trace, events)
        if any(Outcome.ERROR in told for told in trace.answers):
            self._erring += 1
            self._found.error(trace, events)

    def _overshoot(self, trace: Trace, *, still: bool) -> int:
        if still:
            return overshoot_at_once(trace.answers, self._yardstick.limit)
        return overshoot_for_certain(asked_of(trace.answers, trace.spans), self._yardstick)

    def _refuses(self, trace: Trace, *, still: bool) -> bool:
        if still:
            return refused_with_room(trace.answers, self._yardstick.limit)
        return refused_in_vain(asked_of(trace.answers, trace.spans), self._yardstick)

    def coverage(self, strategy: str, stop: Stop | None, moves: int, steps: int) -> Coverage:
        """What was seen with at most so many moves of the clock; complete if nothing stopped it."""
        found, orders = self._found, self._orders
        said = f"{self._runs:,} schedules{with_moves(moves)} up to the order of independent steps"
        said = f"{stop.why}, {said} seen" if stop else f"{said}, all others end the same"
        why = "" if orders is None else orders.why or (SLEPT if self._slept else "")
        if why:
            said += f"; not all ends were compared with those of the orders: {why}"
        ends = frozenset[End]()
        if orders is not None and (not why or found.least_disorder is not None):
            ends = orders.ends
        return Coverage(
            strategy, stop is None, stop.why if stop else "",
            0, steps, self._runs, self._overshooting, self._refusing,
            found.first, found.worst, found.least_refusal, frozenset(self._outcomes), said,
            moves=-1 if stop else moves, unit="representatives",
            error=found.least_error, erring=self._erring,
            disorder=found.least_disorder, disordered=self._disordered,
            orders=ends,
            names=None if orders is None else orders.names,
            unfinished=stop is not None and stop.out_of_time,
        )  # fmt: skip


def with_moves(moves: int) -> str:
    """How often the clock moves, in words that follow on what is counted."""
    if not moves:
        return ""
    return f" with {'one move' if moves == 1 else f'at most {moves} moves'} of the clock"
