"""One line of the doctor."""

from __future__ import annotations

from dataclasses import dataclass

from limitproof.check.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, whether it will do, what was found, and what to do ("" when all is well).

    UNKNOWN means: the suite works, but some checks will stay unknown or mean less.
    """

    name: str
    verdict: Verdict
    detail: str
    advice: str = ""


def finding(
    name: str, well: bool, detail: str, advice: str, *, otherwise: Verdict = Verdict.FAIL
) -> Finding:
    """PASS and no advice when all is well; else the other verdict and the advice."""
    return Finding(name, Verdict.PASS, detail) if well else Finding(name, otherwise, detail, advice)
