"""What is examined together, and in which share of the time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from limitproof.simulate.refusal import HangError, LocalStateError, RefusedError
from limitproof.verify.apart import asked_apart, judged_apart
from limitproof.verify.contract import CONTRACT
from limitproof.verify.experiments.catalogue import EXPERIMENTS
from limitproof.verify.interleavings import NAMES as INTERLEAVINGS
from limitproof.verify.interleavings import examine_interleavings
from limitproof.verify.laboratory import Check, Examined, Laboratory, unknown
from limitproof.verify.machine import MODELLED, examine_by_machine

LEAST_ALONE = 0.2


@dataclass(frozen=True, slots=True)
class Unit:
    """Checks that are examined in one go.

    share: how much of the time that is left they are given, beside those that still come; least: or
    this part of it, if that is more.
    """

    names: tuple[str, ...]
    share: float
    examine: Callable[[Laboratory, Collection[str]], Mapping[str, Examined]]
    least: float = 0.0


def alone(check: Check, share: float = 1.0, least: float = 0.0) -> Unit:
    """A unit of one check."""

    def examine(laboratory: Laboratory, _names: Collection[str]) -> Mapping[str, Examined]:
        return {check.name: check.examine(laboratory)}

    return Unit((check.name,), share, examine, least)


UNITS: tuple[Unit, ...] = (
    alone(CONTRACT, 0.3),
    Unit(INTERLEAVINGS, 3.0, examine_interleavings),
    Unit(MODELLED, 6.0, examine_by_machine),
    # A leak is told from what only fills up by thousands of requests.
    *(alone(check, least=0.4 if check.name == "memory" else 0.0) for check in EXPERIMENTS),
)


def named() -> tuple[str, ...]:
    """All checks, each once, in the order in which they are told."""
    return tuple(dict.fromkeys(name for unit in UNITS for name in unit.names))


def seconds_of(unit: Unit, seconds: float) -> float:
    """The most that a unit is given of the seconds for all checks, made one after the other.

    A check by itself plays a few stories and is done; it must not be unknown for a busy machine.
    """
    share = unit.share / sum(one.share for one in UNITS)
    return seconds * (max(share, LEAST_ALONE, unit.least) if len(unit.names) == 1 else share)


def examine_unit(
    unit: Unit, laboratory: Laboratory, names: Collection[str]
) -> Mapping[str, Examined]:
    """These checks of a unit, in the time that is left; unknown where nothing can be simulated.

    Raises ServerError when the server dies, HangError for a limiter that hangs in plain requests:
    it would in all other checks.
    """
    try:
        return unit.examine(laboratory, names)
    except LocalStateError:
        if laboratory.apart is None:  # once for all checks: two processes take a second
            laboratory.apart = asked_apart(laboratory.subject, laboratory.program)
        return judged_apart(laboratory.subject, names, laboratory.apart)
    except RefusedError as refusal:
        if isinstance(refusal, HangError) and CONTRACT.name in unit.names:
            raise
        return {name: unknown(name, f"not simulated: {refusal}") for name in names}
