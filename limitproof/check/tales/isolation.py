"""`isolation`: what is done with one key changes nothing for another."""

from __future__ import annotations

from collections.abc import Sequence

from limitproof.check.tales.acts import acts, answer, shown_key
from limitproof.history.columns import Outcome
from limitproof.stories import Operation, Story, Tale


def isolation(tale: Tale, _story: Story) -> str:
    """Which key is answered otherwise when others are in use; "" when none is.

    The first act is of all keys, each other one of a single key: its requests alone, at the same
    instants. A limiter may raise for an odd key (an empty one, a very long one): that is between it
    and its callers, as long as it does so alone as well.
    """
    parts = acts(tale)
    if len(parts) < 2:
        return ""
    together = parts[0].operations
    keys = list(dict.fromkeys(one.key for one in together))
    for part in parts[1:]:
        alone = part.operations
        if not alone:
            continue
        key = alone[0].key
        mixed = [one for one in together if one.key == key]
        for number, (one, other) in enumerate(zip(mixed, alone, strict=True), 1):
            if told(one) != told(other):
                others = [shown_key(name) for name in keys if name != key]
                beside = others[0] if len(others) == 1 else f"{len(others)} other keys"
                return (
                    f"request {number} of key {shown_key(key)} {answer(one)} when {beside} is in "
                    f"use too; alone it {answer(other)}"
                )
    return ""


def told(operation: Operation) -> tuple[object, ...]:
    """What of an answer must not depend on other keys: an error's text may well."""
    decision = operation.decision
    if decision is None:
        return (operation.outcome,)
    wait = decision.retry_after
    return (operation.outcome, decision.remaining, None if wait is None else round(wait, 3))


def raising(tales: Sequence[Tale]) -> list[str]:
    """Keys for which the limiter raises also when they are alone."""
    return sorted(
        {
            shown_key(one.key)
            for tale in tales
            for one in tale.operations
            if one.act and one.outcome is Outcome.ERROR
        }
    )
