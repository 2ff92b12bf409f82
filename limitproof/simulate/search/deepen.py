"""Stateless search with one move of the clock after the other, as far as the time suffices."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter

from limitproof.simulate.search.coverage import Coverage, Tell
from limitproof.simulate.search.dpor import Dpor
from limitproof.simulate.search.tally import with_moves
from limitproof.simulate.world import World


def deepen(
    world: World, limit: int, seconds: float, tell: Tell, moves: int, *, first: int = 0
) -> Coverage:
    """With `first` moves of the clock, then one more, and so on to `moves`.

    What one that was ended has found is kept; what is accounted for is what the one before it saw.
    """
    begun = perf_counter()
    known: Coverage | None = None
    for most in range(first, moves + 1):
        left = seconds - (perf_counter() - begun)
        found = Dpor(most).search(world, limit, left, tell)
        if not found.complete:
            return _with_more(known, found, with_moves(most).strip())
        known = found
    assert known is not None
    return known


def _with_more(known: Coverage | None, found: Coverage, where: str) -> Coverage:
    """What is accounted for, and what the next search has found before it was ended."""
    if known is None:
        return found
    worst = found.worst if known.worst is None else known.worst
    if worst and found.worst and found.worst.measure > worst.measure:
        worst = found.worst
    return replace(
        known, complete=False, stopped=found.stopped, unfinished=found.unfinished, worst=worst,
        first=known.first or found.first, refusal=known.refusal or found.refusal,
        error=known.error or found.error, disorder=known.disorder or found.disorder,
        sentence=f"{known.sentence}; {where}, {found.sentence}",
    )  # fmt: skip
