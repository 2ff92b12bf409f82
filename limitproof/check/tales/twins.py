"""Two acts of one story that differ in one thing: `contamination` and `weights`."""

from __future__ import annotations

from collections.abc import Sequence

from limiters.promise import Promise
from limitproof.check.tales.debts import overlap
from limitproof.check.tales.measure import Measure
from limitproof.check.tales.words import asked_at, costing, origin, requests
from limitproof.history.outcome import Outcome
from limitproof.stories import Operation, Tale

UNMEANT = ("AttributeError", "IndexError", "KeyError", "ResponseError", "TypeError")
"""What nobody raises to say that a cost is too large: faults of the code, or of a script."""


def contamination(tale: Tale) -> str:
    """Why refused requests leave a debt; "" when they do not, or the acts are no such twins.

    The second act is the first without some of the requests that were refused in it. Whoever is
    refused in the first and admitted in the second was refused because of these.
    """
    first, second = _acts(tale)
    if not first or not second or overlap(first) or overlap(second):
        return ""
    # only the first that differs: who is admitted too much in between takes a place later on
    for one, twin, left_out in _without_refused(first, second, tale):
        if (one.outcome, twin.outcome) == (Outcome.REJECTED, Outcome.ADMITTED):
            return (
                f"the request{costing(one)} {asked_at(tale, one)} is refused; without "
                f"the {requests(left_out)} refused before, it is admitted"
            )
        if one.outcome is not twin.outcome:
            return ""
    return ""


def weights(tale: Tale, promise: Promise) -> str:
    """Why a cost is not what it says; "" when it is.

    One act: a cost above the limit is never admitted, and no cost is answered by a fault of the
    code; a ValueError or the like is between a limiter and its callers. Two acts: the second asks
    for the admitted costs of the first one by one, and leaves out the refused ones, so that all
    others must fare alike.
    """
    limit = Measure.of(promise).limit
    for one in tale.operations:
        if one.outcome is Outcome.ADMITTED and one.weight > limit:
            return (
                f"a request of cost {one.weight} is admitted {asked_at(tale, one)}, "
                f"where the limit is {limit:g}"
            )
        if one.cost is not None and one.error.startswith(UNMEANT):
            return f"a request of cost {one.cost} {asked_at(tale, one)} gets no answer: {one.error}"
    first, second = _acts(tale)
    if not first or not second or overlap(first) or overlap(second):
        return ""
    return _compared(first, list(second), tale)


def _compared(first: Sequence[Operation], rest: list[Operation], tale: Tale) -> str:
    costs: list[str] = []
    for one in first:
        if one.cost is not None and one.outcome is not Outcome.ADMITTED:
            costs.append(f"{one.cost} (refused)")
            continue
        twins, rest = rest[: one.weight], rest[one.weight :]
        if len(twins) < one.weight or any(not _alike(tale, one, twin) for twin in twins):
            return ""
        if one.cost is not None and any(t.outcome is not Outcome.ADMITTED for t in twins):
            passed = sum(twin.outcome is Outcome.ADMITTED for twin in twins)
            return (
                f"a cost of {one.cost} is admitted {asked_at(tale, one)}, where of so many single "
                f"requests only {passed} pass"
            )
        if one.cost is not None:
            costs.append(str(one.cost))
        elif one.outcome is not twins[0].outcome and costs:
            fares = "admitted" if one.outcome is Outcome.ADMITTED else "refused"
            other = "admitted" if twins[0].outcome is Outcome.ADMITTED else "refused"
            return (
                f"after a cost of {', '.join(costs)} the request {asked_at(tale, one)} is {fares}; "
                f"it is {other} after as many single requests"
            )
    return ""


def _without_refused(
    first: Sequence[Operation], second: Sequence[Operation], tale: Tale
) -> list[tuple[Operation, Operation, int]]:
    """Each request of the first act with its twin and how many were left out by then; or none.

    Of several at one instant it is not written which were left out: those that differ, as long as
    so many were.
    """
    pairs, rest, left_out = [], list(second), 0
    for one in first:
        twin = rest[0] if rest and _alike(tale, one, rest[0]) and one.cost == rest[0].cost else None
        refused = one.outcome is Outcome.REJECTED
        differs = twin is not None and one.outcome is not twin.outcome
        if refused and (twin is None or (differs and left_out < len(first) - len(second))):
            left_out += 1
        elif twin is not None:
            pairs.append((one, rest.pop(0), left_out))
        else:
            return []
    return [] if rest else pairs


def _alike(tale: Tale, one: Operation, twin: Operation) -> bool:
    """Of the same client and key, at the same instant of its act."""
    apart = (one.begun - origin(tale, one.act)) - (twin.begun - origin(tale, twin.act))
    return (one.client, one.key) == (twin.client, twin.key) and apart == 0


def _acts(tale: Tale) -> tuple[tuple[Operation, ...], tuple[Operation, ...]]:
    return tale.act(0).operations, tale.act(1).operations
