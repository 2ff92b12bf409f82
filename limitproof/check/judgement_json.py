"""A judgement as JSON: schema 1 of the command line's `--json`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from limitproof.check.verdict import CheckResult, Judgement, Verdict, merge


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


def summary(judgements: Sequence[Judgement], verdict: Verdict | None = None) -> dict[str, Any]:
    """Several limiters' verdicts as one JSON object; a single one as it is alone.

    verdict: of all together; None for that of the worst.
    """
    if len(judgements) == 1:
        return judgement_to_json(judgements[0])
    return {
        "schema": 1,
        "verdict": (verdict or merge(one.verdict for one in judgements)).value,
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
        case _ if callable(number := getattr(value, "item", None)):  # a number of numpy's
            return _plain(number())
        case float() if not math.isfinite(value):
            return None
    return value
