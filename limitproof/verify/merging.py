"""What several ways of examining one check say together."""

from __future__ import annotations

from limitproof.check.verdict import Cause, Verdict
from limitproof.verify.laboratory import Examined

ORDER = (Verdict.FAIL, Verdict.PASS, Verdict.UNKNOWN, Verdict.NOT_TOLD)


def combined(one: Examined, other: Examined) -> Examined:
    """A failure counts, the one of the simpler cause where both fail, and the first of equals.

    Else a pass, the later one, which has seen more: that one way came to no end does not take
    away what the other has shown.
    """
    causes = list(Cause)

    def rank(examined: Examined) -> tuple[int, int]:
        result = examined.result
        cause = causes.index(result.cause) if result.cause is not None else len(causes)
        return ORDER.index(result.verdict), cause

    if one.result.verdict is other.result.verdict is Verdict.PASS:
        return other
    return min(one, other, key=rank)
