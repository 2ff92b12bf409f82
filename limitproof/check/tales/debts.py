"""How much of a promise's room was taken when a request was decided: at most, and at least.

A limiter decided at some instant in [begun, ended] of the request, and nobody saw at which; a
request without an answer may have been admitted, and one whose reply was lost may have been debited
by each of its tries. So there are two figures, and a claim uses the one that is certain.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from operator import itemgetter

from limitproof.check.tales.acts import TOLERANCE
from limitproof.check.tales.measure import Measure
from limitproof.history.outcome import Outcome
from limitproof.stories import Operation, Tale


def shelves(tale: Tale) -> list[list[Operation]]:
    """The requests of each act and key, in the order in which they began."""
    shelf: dict[tuple[int, str], list[Operation]] = {}
    for one in tale.operations:
        shelf.setdefault((one.act, one.key), []).append(one)
    return list(shelf.values())


def before(one: Operation, other: Operation) -> bool:
    """Whether one request was over before the other began."""
    return one.over is not None and one.over < other.place


def overlap(operations: Sequence[Operation]) -> bool:
    """Whether some request began while another was under way."""
    return any(
        not before(one, other) and one.ended is not None
        for place, one in enumerate(operations)
        for other in operations[place + 1 :]
        if one.act == other.act
    )


def most_debt(one: Operation, shelf: Sequence[Operation], measure: Measure) -> float:
    """What was taken at most, at the worst instant of a request: not counting that it passed."""
    taken = [(other, _possible(other)) for other in shelf if other is not one]
    taken = [(other, weight) for other, weight in taken if weight and not before(one, other)]
    if one.lost:
        taken.append((one, one.lost * one.weight))
    # in between nothing but age changes, and age only lessens it
    instants = {one.begun} | {o.begun for o, _ in taken if _within(one, o.begun)}
    return max(_most_at(instant, taken, measure) for instant in instants)


def least_debt(
    one: Operation, shelf: Sequence[Operation], measure: Measure, instant: int | None = None
) -> float:
    """What was taken at least when a request was decided, or at a later instant (µs).

    Of a fixed window only what fell into the very same instant is certain to share it.
    """
    at = instant if instant is not None else one.ended
    assert at is not None
    sure = [o for o in shelf if o.outcome is Outcome.ADMITTED and before(o, one)]
    if measure.rate is not None:
        dripped, weighed = measure.dripped, [(other.begun, other.weight) for other in sure]
        return _fullest(weighed, lambda since: dripped(at - since + TOLERANCE) if at > since else 0)
    if measure.kind == "fixed":
        return float(sum(o.weight for o in sure if o.begun == o.ended == one.begun == at))
    return float(sum(o.weight for o in sure if at - o.begun <= measure.certain))


def _possible(other: Operation) -> int:
    """How much a request has taken at most."""
    tries = other.lost + (other.outcome is not Outcome.REJECTED)
    return tries * other.weight


def _within(one: Operation, instant: int) -> bool:
    return one.begun < instant and (one.ended is None or instant <= one.ended)


def _most_at(instant: int, taken: Sequence[tuple[Operation, int]], measure: Measure) -> float:
    """As late as can be: what is not over yet may have been decided just now."""
    decided = [
        (instant if other.ended is None else min(other.ended, instant), weight)
        for other, weight in taken
        if other.begun <= instant
    ]
    if measure.rate is None:
        return float(sum(w for at, w in decided if instant - at < measure.possible))
    return _fullest(decided, lambda since: measure.dripped(instant - since - TOLERANCE))


def _fullest(taken: Sequence[tuple[int, int]], dripped: Callable[[int], float]) -> float:
    """The most that a bucket holds which was empty at any of these instants.

    taken: (instant, weight); dripped: how much has left it since an instant.
    """
    most, held = 0.0, 0
    for instant, together in groupby(sorted(taken, reverse=True), key=itemgetter(0)):
        held += sum(weight for _, weight in together)
        most = max(most, held - dripped(instant))
    return most
