"""Every interleaving of a few clients, as `limitproof explore` looks at them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from functools import reduce
from itertools import chain

from limiters.contract import Quota
from limitproof.check.verdict import Cause, CheckResult, Verdict
from limitproof.explored import Counterexample
from limitproof.exploring import RUNGS
from limitproof.history.outcome import Outcome
from limitproof.promises import as_text
from limitproof.schedules import Granularity
from limitproof.simulate.cast import Cast
from limitproof.simulate.explore import Exploration, explore
from limitproof.simulate.promised import yardstick_of
from limitproof.simulate.search.coverage import Progress
from limitproof.verify.laboratory import Examined, Laboratory, scaled
from limitproof.verify.merging import combined

SLEEPS = (
    "it sleeps in a request, which moves the clock, so that there is no order to compare its ends"
    " with: leave this check out (skip linearizable)"
)
NAMES = ("overshoot", "false-rejection", "linearizable")
GRANULARITIES: tuple[Granularity, ...] = ("packet", "command")
MOVES = 2
MOST_CLIENTS, FEWER_CLIENTS, MOST_REQUESTS = 8, 2, 10
SHARES = {0: 0.15, 1: 0.25, 2: 0.35}
"""Of the time that is left, for each search in turn; all of it for the last."""


def examine_interleavings(laboratory: Laboratory, names: Collection[str]) -> Mapping[str, Examined]:
    """Small casts first; a check that has failed is not looked for in a larger one.

    Raises ServerError when the server dies.
    """
    known: dict[str, list[Examined]] = {name: [] for name in names}
    for place, cast in enumerate(_casts(laboratory)):
        if place and not laboratory.left:
            break
        share = SHARES.get(place, 1.0)
        found = explore(
            cast, share * laboratory.left, _nothing, program=laboratory.program, further=True
        )
        for name in names:
            known[name].append(_examined(found, name))
        if all(_failed(seen) for seen in known.values()):
            break
    return {name: reduce(combined, seen) for name, seen in known.items()}


def _casts(laboratory: Laboratory) -> Iterator[Cast]:
    subject = laboratory.subject
    for limit, more in RUNGS:
        quota = Quota(limit, subject.quota.window)
        promise = ""
        if subject.promise is not None:
            if scaled(subject.promise, subject.quota, quota) is None:
                quota = subject.quota  # figures of its own hold for this quota alone
            promise = as_text(laboratory.promise_at(quota), quota)
        alone = Cast(subject.target, quota, 1, seed=subject.seed, moves=MOVES, promise=promise)
        asked = yardstick_of(alone).limit + more
        # A bucket that has room for ten windows is asked by fewer, each several times.
        clients = asked if asked <= MOST_CLIENTS else FEWER_CLIENTS
        requests = min(-(-asked // clients), MOST_REQUESTS)
        if limit > RUNGS[0][0] and clients * requests < asked:
            continue  # nobody would be refused
        for granularity in GRANULARITIES:
            yield replace(alone, clients=clients, requests=requests, granularity=granularity)


def _examined(found: Exploration, name: str) -> Examined:
    finding, verdict = _of(found, name)
    cast, coverage = found.cast, found.coverage
    measured = {
        "clients": cast.clients, "limit": cast.quota.limit, "schedules": coverage.schedules,
        "states": coverage.states, "moves": found.moves, "strategy": coverage.strategy,
    }  # fmt: skip
    covered = f"{cast.clients} clients for {cast.quota.limit}: {coverage.sentence}"
    covered += f"; {found.beyond}" if found.beyond else ""
    if finding is None and verdict is Verdict.PASS and (why := _one_sided(found)):
        return Examined(CheckResult(name, Verdict.UNKNOWN, why, None, measured, complete=False))
    if finding is None:
        because = covered if verdict is Verdict.PASS else (found.doubt or covered)
        if name == "linearizable" and found.sleeps and verdict is Verdict.UNKNOWN:
            because = SLEEPS
        return Examined(
            CheckResult(
                name,
                verdict,
                because,
                None,
                measured,
                complete=coverage.complete,
                schedules=coverage.schedules,
            )
        )
    cause = Cause.ALGORITHM if finding.sequential else Cause.RACE
    result = CheckResult(
        name, verdict, finding.because, cause, measured | {"size": finding.measure},
        complete=coverage.complete, schedules=coverage.schedules,
    )  # fmt: skip
    return Examined(result, finding.schedule, finding.run)


def _of(found: Exploration, name: str) -> tuple[Counterexample | None, Verdict]:
    if name == "linearizable":
        return found.disorder, found.order_verdict
    finding = found.overshoot if name == "overshoot" else found.refusal
    return finding, found.verdict(finding)


def _one_sided(found: Exploration) -> str:
    """Why a complete search shows nothing: all are told the same, though not all have room."""
    covered = (found.coverage, found.timed) if found.timed is not None else (found.coverage,)
    ends = chain.from_iterable(one.outcomes for one in covered)
    said = {told for end in ends for told in chain.from_iterable(end)}
    if Outcome.ADMITTED not in said:
        return "nothing was ever admitted"
    return "" if Outcome.REJECTED in said else "nothing was ever refused"


def _failed(seen: list[Examined]) -> bool:
    return any(one.result.verdict is Verdict.FAIL for one in seen)


def _nothing(_progress: Progress) -> None: ...
