"""What is examined together, and in which share of the time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import reduce

from limitproof.check.verdict import Cause, CheckResult, Verdict
from limitproof.simulate.refusal import RefusedError
from limitproof.verify.laboratory import Check, Examined, Laboratory


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


UNITS: tuple[Unit, ...] = ()


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


def combined(one: Examined, other: Examined) -> Examined:
    """What two ways of examining a check say together.

    A failure counts, the one of the simpler cause where both fail; what neither could tell is
    unknown, and a pass of one does not need the other to have come to an end.
    """
    order = (Verdict.FAIL, Verdict.PASS, Verdict.UNKNOWN, Verdict.NOT_TOLD)
    causes = list(Cause)

    def rank(examined: Examined) -> tuple[int, int]:
        result = examined.result
        cause = causes.index(result.cause) if result.cause is not None else len(causes)
        return order.index(result.verdict), cause

    return min(one, other, key=rank)
