"""All checks, and the judgement that they make of a history.

The JSON form is schema 1 of the command line's `--json`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from limiters.promise import Promise
from limitproof.check.contamination import contamination
from limitproof.check.contract import contract
from limitproof.check.expiry import expiry
from limitproof.check.false_rejection import false_rejection
from limitproof.check.memory import memory
from limitproof.check.overshoot import overshoot
from limitproof.check.remaining import remaining
from limitproof.check.retry_after import retry_after
from limitproof.check.verdict import CheckResult, Judgement, Verdict, merge
from limitproof.check.yardstick import promise_of_meta
from limitproof.history.columns import History


@dataclass(frozen=True, slots=True)
class Check:
    """A name as the command line knows it, a pure function, and one line on what it judges."""

    name: str
    judge: Callable[[History, Promise], CheckResult]
    description: str


CHECKS: tuple[Check, ...] = (
    Check("contract", contract, "every acquire answers with a Decision"),
    Check("overshoot", overshoot, "no window holds more than the promise allows"),
    Check("false-rejection", false_rejection, "nothing is refused while there is room"),
    Check("contamination", contamination, "refused requests leave no debt"),
    Check("remaining", remaining, "the requests told to be left are left"),
    Check("retry-after", retry_after, "a refused client is told the right time to come back"),
    Check("memory", memory, "what is kept is bounded by the quota, not by the traffic"),
    Check("expiry", expiry, "the state of idle keys vanishes, none is without a TTL"),
)


def judge(
    history: History, promise: Promise | None = None, *, names: Collection[str] | None = None
) -> Judgement:
    """Every check of `names` on one history; when None, those that the history was made for.

    The promise is the one that the history tells, unless another is given. A check that raises
    is `unknown` with the exception's line, never a crash. Raises ValueError for a name that no
    check has.
    """
    known = {check.name for check in CHECKS}
    if names is not None and (strange := set(names) - known):
        raise ValueError(f"no such check: {', '.join(sorted(strange))}; there are {sorted(known)}")
    meta = history.meta
    wanted = set(meta.checks or known) if names is None else set(names)
    return Judgement(
        limiter=meta.limiter,
        quota={"limit": meta.limit, "window": meta.window},
        seed=meta.seed,
        server=meta.server,
        checks=tuple(_safely(check, history, promise) for check in CHECKS if check.name in wanted),
    )


def _safely(check: Check, history: History, promise: Promise | None) -> CheckResult:
    try:
        return check.judge(history, promise_of_meta(history.meta) if promise is None else promise)
    except Exception as raised:  # noqa: BLE001 - one broken check must not hide the others
        line = str(raised).partition("\n")[0]
        return CheckResult(
            check.name, Verdict.UNKNOWN, f"the check itself raised {type(raised).__name__}: {line}"
        )


def judgement_to_json(judgement: Judgement) -> dict[str, Any]:
    """A judgement in the shape of `--json` (schema 1), of plain types only.

    A figure that is not finite becomes None, which JSON can say.
    """
    return {
        "schema": 1,
        "limiter": judgement.limiter,
        "quota": _plain(judgement.quota),
        "seed": int(judgement.seed),
        "server": _plain(judgement.server),
        "verdict": judgement.verdict.value,
        "checks": [_check_to_json(check) for check in judgement.checks],
    }


def summary(judgements: Sequence[Judgement]) -> dict[str, Any]:
    """Several limiters' verdicts as one JSON object; a single one as it is alone."""
    if len(judgements) == 1:
        return judgement_to_json(judgements[0])
    return {
        "schema": 1,
        "verdict": merge(one.verdict for one in judgements).value,
        "limiters": [judgement_to_json(one) for one in judgements],
    }


def _check_to_json(check: CheckResult) -> dict[str, Any]:
    said: dict[str, Any] = {
        "name": check.name,
        "verdict": check.verdict.value,
        "cause": check.cause.value if check.cause else None,
        "measured": _plain(check.measured),
        "complete": check.complete,
        "because": check.because,
    }
    if check.accepted:
        said["accepted"] = True
    if check.schedules is not None:
        said |= {"schedules": int(check.schedules), "counterexample": check.counterexample}
    if check.evidence is not None:
        evidence = check.evidence
        said["evidence"] = {
            "key": evidence.key,
            "scenario": evidence.scenario,
            "start": int(evidence.start),
            "end": int(evidence.end),
            "total": int(evidence.total),
            "rows": [_plain(row) for row in evidence.rows],
        }
    return said


def _plain(value: Any) -> Any:
    match value:
        case Mapping():
            return {str(name): _plain(item) for name, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case np.generic():
            return _plain(value.item())
        case float() if not math.isfinite(value):
            return None
    return value
