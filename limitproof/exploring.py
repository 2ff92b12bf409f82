"""Exploring a limiter as a part of a run: few clients, small limits, a small budget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from limiters.contract import Quota
from limiters.registry import Target
from limitproof.explored import Explored
from limitproof.schedules import Granularity
from limitproof.servers.errors import ServerError
from limitproof.simulate.cast import Cast
from limitproof.simulate.explore import Exploration
from limitproof.simulate.explore import explore as search
from limitproof.simulate.promised import yardstick_of
from limitproof.simulate.refusal import RefusedError
from limitproof.simulate.search.coverage import Progress, StoppedError, Tell

RUNGS = ((1, 1), (2, 2))
"""Limits, and how many clients there are beyond what the promise allows at once. The smallest
first: it is complete soon, and its counterexample is the one to read."""
MOST_CLIENTS = 8
STOPPED = "stopped by Ctrl-C"


def explore_target(
    target: Target,
    window: float,
    *,
    seconds: float,
    seed: int = 0,
    promise: str | None = None,
    program: Path | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> tuple[Explored, ...]:
    """All interleavings of a few clients, for at most about `seconds`, the one to show first first.

    The clock moves for the fewest only. At granularity command as well where that makes a
    difference. Without a server whose clock can be set, and for what cannot be simulated, one
    exploration that says so and passes nothing.
    promise: what to judge by instead of what the limiter declares.
    """
    casts = [_cast(target, limit, more, window, seed, promise or "") for limit, more in RUNGS]
    until = perf_counter() + seconds

    def explored(cast: Cast, shares: int) -> Explored:
        if stop():
            return _nothing(cast, STOPPED)
        left = max(until - perf_counter(), 0.1 * seconds)
        return explore_cast(cast, round(left / shares, 2), stopping(stop), program=program)

    small, large = casts
    first = explored(replace(small, moves=1), 4)
    if first.strategy == "none":
        return (first,)
    taken_apart = explored(at_command(small), 3)
    if _alike(first, taken_apart):
        return (first, explored(large, 1))
    wider = explored(large, 2)
    return (first, wider, taken_apart, explored(at_command(large), 1))


def explore_cast(cast: Cast, seconds: float, tell: Tell, *, program: Path | None) -> Explored:
    """One exploration as plain data; without a server for it, one that passes nothing."""
    try:
        return as_data(search(cast, seconds, tell, program=program))
    except StoppedError as error:
        return _nothing(cast, str(error))
    except ServerError as error:
        return _nothing(cast, f"not explored: {error}")


def as_data(found: Exploration) -> Explored:
    """What an exploration has shown, without the engine."""
    cast, coverage = found.cast, found.coverage
    return Explored(
        limiter=cast.target.name,
        quota_limit=cast.quota.limit,
        window=cast.quota.window,
        limit=found.limit,
        clients=cast.clients,
        requests=cast.requests,
        seed=cast.seed,
        granularity=cast.granularity,
        strategy=coverage.strategy,
        complete=coverage.complete,
        states=coverage.states,
        schedules=coverage.schedules,
        overshooting=coverage.overshooting,
        refusing=coverage.refusing,
        sentence=coverage.sentence,
        doubt=found.doubt,
        unfinished=found.unfinished,
        seconds=round(found.seconds, 3),
        server=dict(found.server),
        overshoot=found.overshoot,
        worst=found.worst,
        refusal=found.refusal,
        error=found.error,
        disorder=found.disorder,
        erring=coverage.erring,
        disordered=coverage.disordered,
        ordered=bool(coverage.orders),
        beyond=found.beyond,
        unit=coverage.unit,
        moves=found.moves,
    )


def stopping(stop: Callable[[], bool], tell: Tell | None = None) -> Tell:
    """A Tell that ends a search when `stop` says so."""

    def told(progress: Progress) -> None:
        if stop():
            raise StoppedError(STOPPED)
        if tell is not None:
            tell(progress)

    return told


def at_command(cast: Cast) -> Cast:
    """The same clients, each command of a pipeline a step of its own."""
    granularity: Granularity = "command"
    return replace(cast, granularity=granularity)


def _cast(target: Target, limit: int, more: int, window: float, seed: int, promise: str) -> Cast:
    cast = Cast(target, Quota(limit, window), 1, 1, seed, promise=promise)
    return replace(cast, clients=min(_at_once(cast) + more, MOST_CLIENTS))


def _at_once(cast: Cast) -> int:
    """What the promise allows at once; the limit where it cannot be told (the engine says why)."""
    try:
        return yardstick_of(cast).limit
    except RefusedError:
        return cast.quota.limit


def _nothing(cast: Cast, doubt: str) -> Explored:
    quota = cast.quota
    return Explored(
        cast.target.name, quota.limit, quota.window, quota.limit, cast.clients, cast.requests,
        cast.seed, cast.granularity, doubt=doubt,
    )  # fmt: skip


def _alike(one: Explored, other: Explored) -> bool:
    """Whether taking pipelines apart has made no difference."""
    both = one.complete and other.complete
    return both and (one.states, one.schedules) == (other.states, other.schedules)
