"""`overshoot`, `false-rejection`, `contract` and `linearizable` from what exploring has shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from limitproof.check.verdict import Cause, CheckResult, Judgement, Verdict, merge
from limitproof.check.yardstick import TOLERANCE
from limitproof.explored import Counterexample, Explored

NAMES = ("overshoot", "false-rejection", "contract", "linearizable")
ORDERS = "every concurrent end is one that some order of the requests has; no promise is needed"
"""What `linearizable` judges, which no history can show."""
CLEAN = {
    "overshoot": "none in",
    "false-rejection": "none in",
    "contract": "every request has a Decision in",
    "linearizable": "some order of the requests ends in the same way, for each of",
}


def verdict(explored: Explored, check: str) -> Verdict:
    """Fails by a confirmed run, passes by a complete search without any doubt.

    `linearizable` is not told where the search does not compare its ends with those of all orders.
    """
    if explored.smallest(check) is not None:
        return Verdict.FAIL
    if explored.doubt or not explored.complete:
        return Verdict.UNKNOWN
    looked_at = explored.ordered or check != "linearizable"
    return Verdict.PASS if looked_at else Verdict.NOT_TOLD


def judge_exploration(explored: Explored) -> tuple[CheckResult, ...]:
    """The checks that one exploration makes.

    One that was never begun makes two of them. measured: limit, clients, schedules, bad_schedules,
    states, strategy; overshoot: the worst confirmed one; steps and context_switches of the smallest
    counterexample.
    """
    return tuple(_check(explored, name) for name in _asked([explored]))


def judgement_of(explored: Explored) -> Judgement:
    """One exploration as a judgement of its limiter."""
    quota = {"limit": explored.quota_limit, "window": explored.window}
    checks = judge_exploration(explored)
    return Judgement(explored.limiter, quota, explored.seed, explored.server, checks)


def judge_explorations(explored: Sequence[Explored]) -> tuple[CheckResult, ...]:
    """One result a check for several explorations of a limiter, the one to show first told first.

    A failure is told by the first that shows it with the simplest cause. A pass needs a pass of
    each granularity, and a search that only ran out of time does not take it back: fewer clients
    were looked at completely. None at all judges nothing.
    """
    return tuple(_together(explored, name) for name in _asked(explored))


def with_explorations(judgement: Judgement, explored: Sequence[Explored]) -> Judgement:
    """A limiter's judgement and what exploring it has shown, as one judgement."""
    found = {check.name: check for check in judge_explorations(explored)}
    checks = [
        _merged(check, found.pop(check.name)) if check.name in found else check
        for check in judgement.checks
    ]
    return replace(judgement, checks=(*checks, *found.values()))


def _asked(explored: Sequence[Explored]) -> tuple[str, ...]:
    """The checks to make: what was never run is only said to be unknown where load looks too."""
    if not explored:
        return ()
    return NAMES if any(one.strategy != "none" for one in explored) else NAMES[:2]


def _check(explored: Explored, name: str) -> CheckResult:
    shown = explored.smallest(name)
    measured: dict[str, Any] = {
        "limit": explored.limit, "clients": explored.clients, "schedules": explored.schedules,
        "bad_schedules": explored.bad(name), "states": explored.states,
        "strategy": explored.strategy, "moves": explored.moves,
    }  # fmt: skip
    if name in ("overshoot", "false-rejection"):
        measured["tolerance_ms"] = TOLERANCE / 1_000_000
    if name == "overshoot":
        most = (one.measure for one in (explored.overshoot, explored.worst) if one is not None)
        measured["overshoot"] = max(most, default=0)
    if shown is not None:
        measured |= {"steps": len(shown.run.steps), "context_switches": shown.run.switches}
    return CheckResult(
        name,
        verdict(explored, name),
        shown.because if shown else _clean(explored, name),
        None if shown is None else _cause(shown),
        measured,
        complete=explored.complete,
        schedules=explored.schedules,
        counterexample=shown.file if shown else None,
    )


def _clean(explored: Explored, name: str) -> str:
    if explored.doubt:
        return explored.doubt
    if name == "linearizable" and not explored.ordered:
        return f"the ends of all orders were not compared; {explored.sentence}"
    beyond = f"; {explored.beyond}" if explored.beyond else ""
    return f"{CLEAN[name]} {explored.sentence}{beyond}"


def _order(result: CheckResult) -> int:
    return next((place for place, cause in enumerate(Cause) if cause is result.cause), len(Cause))


def _cause(shown: Counterexample) -> Cause:
    if not shown.sequential:
        return Cause.RACE
    return Cause.FAULT if any(shown.schedule.offsets) else Cause.ALGORITHM


def _together(explored: Sequence[Explored], name: str) -> CheckResult:
    failing = [one for one in explored if verdict(one, name) is Verdict.FAIL]
    if failing:
        results = [(_check(one, name), one.cast) for one in failing]
        found, cast = min(results, key=lambda result: _order(result[0]))
        return replace(found, because=f"{found.because} ({cast})")
    verdicts = {verdict(one, name) for one in explored}
    passed = [one for one in explored if verdict(one, name) in (Verdict.PASS, Verdict.NOT_TOLD)]
    sure = {one.granularity for one in passed} == {one.granularity for one in explored}
    doubts = [one.doubt for one in explored if one not in passed and not (sure and one.unfinished)]
    widest = max(passed or explored, key=lambda one: one.schedules)
    clear = Verdict.NOT_TOLD if Verdict.NOT_TOLD in verdicts else Verdict.PASS
    clean = f"{_clean(widest, name)}, of {widest.clients} clients"
    return replace(
        _check(widest, name),
        verdict=Verdict.UNKNOWN if doubts or not sure else clear,
        because=next(filter(None, doubts), clean),
        complete=sure and not doubts,
    )


def _merged(loaded: CheckResult, found: CheckResult) -> CheckResult:
    causes = {loaded.cause, found.cause}
    complete = [one.complete for one in (loaded, found) if one.complete is not None]
    return replace(
        loaded,
        verdict=merge((loaded.verdict, found.verdict)),
        cause=next((cause for cause in Cause if cause in causes), None),
        because=f"{loaded.because}; explored: {found.because}",
        measured={**loaded.measured, "explored": dict(found.measured)},
        complete=all(complete) if complete else None,
        schedules=found.schedules,
        counterexample=found.counterexample,
    )
