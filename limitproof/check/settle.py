"""What turns a finding into a result: a run that ended early never passes."""

from __future__ import annotations

from dataclasses import replace

from limitproof.check.verdict import CheckResult, Verdict
from limitproof.history.columns import History


def settle(history: History, result: CheckResult) -> CheckResult:
    """The result, or `unknown` where it would be a pass on a run that was interrupted."""
    why = history.meta.interrupted
    if not why or result.verdict is not Verdict.PASS:
        return result
    return replace(
        result,
        verdict=Verdict.UNKNOWN,
        because=f"the run was interrupted ({why}); until then: {result.because}",
        complete=False,
    )


def plural(count: int, word: str) -> str:
    """ "1 key", "2 keys"."""
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"
