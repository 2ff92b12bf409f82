"""Promises as text: on the command line and in a saved history."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from limiters.contract import Quota
from limiters.promise import FixedWindow, Promise, SlidingWindow, TokenBucket


def parse_promise(text: str, quota: Quota) -> Promise:
    """`sliding`, `fixed`, `token` (the quota's rate, its limit at once) or `token:RATE:BURST`.

    Raises ValueError, in one line, for anything else.
    """
    kind, _, parameters = text.partition(":")
    if kind == "token" and parameters:
        numbers = [_number(part) for part in parameters.split(":")]
        if len(numbers) == 2 and all(number > 0 for number in numbers):
            return TokenBucket(rate=numbers[0], burst=numbers[1])
    elif not parameters:
        for promise in (SlidingWindow, FixedWindow, TokenBucket):
            if kind == promise.kind:
                return promise.of(quota)
    raise ValueError(
        f"no such promise {text!r}; use sliding, fixed, token or token:RATE:BURST "
        "(requests a second, requests at once)"
    )


def as_text(promise: Promise, quota: Quota) -> str:
    """The text of which `parse_promise` makes this promise. Raises as `describe` does."""
    describe(promise)
    for one in (SlidingWindow, FixedWindow, TokenBucket):
        if promise == one.of(quota):
            return str(one.kind)
    if isinstance(promise, TokenBucket):
        return f"{promise.kind}:{promise.rate!r}:{promise.burst!r}"
    raise ValueError(f"{promise} is not what a quota of {quota.limit} per {quota.window:g} s makes")


def describe(promise: Promise) -> dict[str, Any]:
    """A promise as a history keeps it: {"kind": …, parameters}.

    Raises ValueError for a kind that the checkers do not know, or figures that make no sense.
    """
    if isinstance(promise, SlidingWindow | FixedWindow | TokenBucket):
        _check(promise)
        return {"kind": promise.kind, **asdict(promise)}
    raise ValueError(
        f"cannot judge a promise of kind {getattr(promise, 'kind', promise)!r}; "
        "use SlidingWindow, FixedWindow or TokenBucket of limiters.promise"
    )


def _check(promise: SlidingWindow | FixedWindow | TokenBucket) -> None:
    for name, figure in asdict(promise).items():
        known = isinstance(figure, int | float) and not isinstance(figure, bool)
        if not (known and math.isfinite(figure) and figure > 0):
            raise ValueError(f"{name} of {promise} is no finite number above 0")
    if not isinstance(promise, TokenBucket) and promise.limit != int(promise.limit):
        raise ValueError(f"limit of {promise} is no whole number")


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        return math.nan
    return number if math.isfinite(number) else math.nan
