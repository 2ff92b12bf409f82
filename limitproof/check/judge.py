"""All checks, and the judgement that they make of a history."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from limiters.promise import Promise
from limitproof.check.contamination import contamination
from limitproof.check.contract import contract
from limitproof.check.expiry import expiry
from limitproof.check.false_rejection import false_rejection
from limitproof.check.memory import memory
from limitproof.check.overshoot import overshoot
from limitproof.check.remaining import remaining
from limitproof.check.retry_after import retry_after
from limitproof.check.verdict import CheckResult, Judgement, Verdict
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
