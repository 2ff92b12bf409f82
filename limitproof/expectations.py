"""What is known of a registered limiter, held against what was found."""

from __future__ import annotations

from limiters.registry import Entry
from limitproof.check.judge import CHECKS
from limitproof.check.verdict import Cause, Judgement, Verdict


def surprises(entry: Entry | None, judgement: Judgement) -> tuple[str, ...]:
    """The checks that a registered limiter fails though it should not: it is wrong, or we are."""
    if entry is None:
        return ()
    known: set[str] = set(entry.fails)
    found = {check.name for check in judgement.checks if check.verdict is Verdict.FAIL}
    return tuple(sorted(found - known))


def missed(entry: Entry | None, judgement: Judgement) -> str:
    """What this run should have shown of a registered limiter and did not, in words, or "".

    A fault of the algorithm shows every time; a race may stay hidden under load. A limiter that
    is known to fail none of the checks here has to pass.
    """
    if entry is None:
        return ""
    judged = {check.name for check in CHECKS}
    known = {name: cause for name, cause in entry.fails.items() if name in judged}
    if not known and judgement.verdict is not Verdict.PASS:
        return f"should pass and is {judgement.verdict.value}"
    if Cause.ALGORITHM in known.values() and judgement.verdict is not Verdict.FAIL:
        return f"is known to fail {', '.join(known)} and is {judgement.verdict.value}"
    return ""
