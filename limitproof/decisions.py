"""What a limiter answers, looked at: whether it is a Decision, and how to show it if it is not."""

from __future__ import annotations

import math

from limiters.contract import Decision
from limiters.place import place_of

NUMBERS = (int, float)


def rubbish(decision: object) -> str | None:
    """What is wrong with a limiter's answer by the contract, or None when nothing is."""
    if not isinstance(decision, Decision):
        said = repr(decision) if isinstance(decision, bool) else "True or False"
        return (
            f"acquire returned {short(decision)}, which is no Decision; "
            f"return limitproof.testing.Decision(allowed={said})"
        )
    allowed: object = decision.allowed  # whatever the annotation says
    if not isinstance(allowed, bool):
        return f"Decision.allowed is {short(allowed)}, not True or False"
    for name, value in (("remaining", decision.remaining), ("retry_after", decision.retry_after)):
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, NUMBERS) or not _finite(value):
            return f"Decision.{name} is {short(value)}, which is no finite number"
    return None


def plain(decision: Decision) -> Decision:
    """The same of our own types: a subclass of a limiter's own file is unknown elsewhere.

    For one that is no `rubbish`.
    """
    remaining, wait = decision.remaining, decision.retry_after
    return Decision(
        decision.allowed,
        None if remaining is None else _number(remaining),  # type: ignore[arg-type]
        None if wait is None else _number(wait),
    )


def _finite(value: int | float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number that no float holds
        return False


def _number(value: int | float) -> int | float:
    return int.__add__(value, 0) if isinstance(value, int) else float.__add__(value, 0.0)


def short(value: object) -> str:
    """A value as a person may read it in one line; never raises."""
    try:
        text = repr(value)
    except Exception as error:  # noqa: BLE001 - a foreign __repr__ may do anything
        text = f"a {type(value).__name__} whose repr raises {type(error).__name__}"
    text = _printable(text)
    return text if len(text) <= 80 else text[:77] + "…"


def one_line(error: BaseException) -> str:
    """An exception's type, its message and its place in the user's own file, in one line.

    Never raises.
    """
    try:
        text = _printable(str(error))
    except Exception as worse:  # noqa: BLE001 - a foreign __str__ may do anything
        text = f"its message raises {type(worse).__name__}"
    said = f"{type(error).__name__}: {text}" if text else type(error).__name__
    place = _printable(place_of(error))[-150:]  # of a long path, the end
    where = f" ({place})" if place else ""
    return said[: 300 - len(where)] + where


def _printable(text: str) -> str:
    """One line without what moves a terminal's cursor, or what no file can hold (surrogates)."""
    line = " ".join(text.split())
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
