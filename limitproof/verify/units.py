"""What is examined together, and in which share of the time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import reduce

from limitproof.check.verdict import CheckResult, Verdict
from limitproof.simulate.refusal import RefusedError
from limitproof.verify.contract import CONTRACT
from limitproof.verify.experiments.catalogue import EXPERIMENTS
from limitproof.verify.interleavings import NAMES as INTERLEAVINGS
from limitproof.verify.interleavings import examine_interleavings
from limitproof.verify.laboratory import Check, Examined, Laboratory
from limitproof.verify.machine import MODELLED, examine_by_machine
from limitproof.verify.merging import combined


@dataclass(frozen=True, slots=True)
class Unit:
    """Checks that are examined in one go; `share` is how much of the time they are given."""

    names: tuple[str, ...]
    share: float
    examine: Callable[[Laboratory, Collection[str]], Mapping[str, Examined]]


def alone(check: Check, share: float = 1.0) -> Unit:
    """A unit of one check."""

    def examine(laboratory: Laboratory, _names: Collection[str]) -> Mapping[str, Examined]:
        return {check.name: check.examine(laboratory)}

    return Unit((check.name,), share, examine)


UNITS: tuple[Unit, ...] = (
    alone(CONTRACT, 0.3),
    Unit(INTERLEAVINGS, 3.0, examine_interleavings),
    Unit(MODELLED, 6.0, examine_by_machine),
    *(alone(check) for check in EXPERIMENTS),
)


def named() -> tuple[str, ...]:
    """All checks, each once, in the order in which they are told."""
    return tuple(dict.fromkeys(name for unit in UNITS for name in unit.names))


def examine(laboratory: Laboratory, name: str, seconds: float) -> Examined:
    """One check, by every unit that makes it, in about so many seconds.

    Raises ServerError when the server dies.
    """
    units = [unit for unit in UNITS if name in unit.names]
    found: list[Examined] = []
    for unit in units:
        laboratory.allow(seconds / len(units))
        try:
            found.append(unit.examine(laboratory, [name])[name])
        except RefusedError as refusal:
            why = f"not simulated: {refusal}"
            found.append(Examined(CheckResult(name, Verdict.UNKNOWN, why, complete=False)))
    return reduce(combined, found)
