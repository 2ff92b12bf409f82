"""`contract`: every `acquire` answers with a Decision."""

from __future__ import annotations

from typing import Any

import numpy as np

from limiters.promise import Promise
from limitproof.check.cause import sequence_of
from limitproof.check.settle import plural, settle
from limitproof.check.timeline import lay_out
from limitproof.check.verdict import Cause, CheckResult, Verdict
from limitproof.check.yardstick import Yardstick, nanoseconds
from limitproof.history.columns import History
from limitproof.history.outcome import Outcome

NAME = "contract"
MOST_DROPPED = 0.1  # of a scenario's requests, where the load counts as delivered


def contract(history: History, _promise: Promise | None = None) -> CheckResult:
    """Fails when an operation raised or was answered with something that is no Decision.

    Operations of unknown end (a lost connection, a dead client) make it unknown: whether the
    limiter keeps to the contract then is not for this history to tell. So does a load that was
    not delivered. measured: operations, errors, unknown, dropped, messages (the first few
    distinct ones).
    """
    operations = history.operations
    sent = int(operations.sent.sum())
    errors = int(operations.having(Outcome.ERROR).sum())
    unknown = int(operations.having(Outcome.UNKNOWN).sum())
    measured: dict[str, Any] = {
        "operations": sent,
        "errors": errors,
        "unknown": unknown,
        "dropped": len(operations) - sent,
        "messages": [str(message) for message in history.errors[:5]],
    }
    cause: Cause | None = None
    if errors:
        verdict = Verdict.FAIL
        first = history.errors[0] if history.errors else "no message was recorded"
        because = f"{plural(errors, 'operation')} of {sent:,} gave no Decision: {first}"
        cause, why = _cause(history)
        because = f"{because}; {why}"
    elif not sent:
        verdict, because = Verdict.UNKNOWN, "there are no operations"
    elif late := _undelivered(history):
        verdict, because = Verdict.UNKNOWN, late
    elif unknown:
        verdict = Verdict.UNKNOWN
        because = _not_known(unknown, sent, cut_off=bool(history.meta.interrupted))
    else:
        verdict, because = Verdict.PASS, f"{plural(sent, 'operation')}, all with a Decision"
    result = CheckResult(
        NAME, verdict, because, cause=cause, measured=measured, complete=not unknown
    )
    return settle(history, result)


def _not_known(unknown: int, sent: int, *, cut_off: bool) -> str:
    was, answers, are = (
        ("was", "its answer", "is") if unknown == 1 else ("were", "their answers", "are")
    )
    ended = f"{was} cut off" if cut_off else f"{was} lost with a connection or a client"
    return f"{unknown:,} of {plural(sent, 'request')} {ended}, {answers} {are} not known"


def _undelivered(history: History) -> str:
    """The first scenario that was not done to the limiter as planned, in words, or ""."""
    operations = history.operations
    dropped = operations.having(Outcome.DROPPED)
    if not dropped.any():
        return ""
    names = np.array([key.scenario for key in history.keys], dtype=object)
    scenario = names[operations.key]
    for name in dict.fromkeys(scenario[dropped]):
        planned = np.equal(scenario, name)
        never = int(np.count_nonzero(dropped & planned))
        if never > MOST_DROPPED * np.count_nonzero(planned):
            return (
                f"{never:,} of {np.count_nonzero(planned):,} requests of {name} were never sent: "
                "the clients fell behind; take a lower rate, a lower limit or more clients"
            )
    return ""


def _cause(history: History) -> tuple[Cause | None, str]:
    """Whether an operation failed while its key was sequential."""
    yardstick = Yardstick("sliding", history.meta.limit, nanoseconds(history.meta.window))
    line = lay_out(history, yardstick)
    sequence = sequence_of(history, line, yardstick)
    failed = line.having(Outcome.ERROR)
    return sequence.cause(int(sequence.alone(failed).sum()), len(failed))
