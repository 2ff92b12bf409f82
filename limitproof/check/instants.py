"""Overshoot and false rejection of a few requests whose clock was moved by hand.

Every instant is known exactly, but for the one at which a limiter decided: that lies somewhere
between a request's beginning and its end. Told are only what holds for each such instant, by the
bounds of `limitproof.check.bursts`: so many within a stretch that touches
so few windows. Instants within 1 ms of a window's edge are not held against a limiter, in either
direction; exactly 1 ms is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from limitproof.check.yardstick import TOLERANCE, Yardstick
from limitproof.history.outcome import Outcome
from limitproof.schedules import Answers, Spans

MICRO = 1_000  # ns in a microsecond
EDGE = TOLERANCE // MICRO
"""µs: what is nearer than this to a window's edge counts as either side of it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that is over: what came of it, and when it began and ended (µs)."""

    outcome: Outcome
    begun: int
    ended: int


def asked_of(answers: Answers, spans: Spans) -> list[Asked]:
    """The requests of a run that are over: what each client was told, and when each request was."""
    return [
        Asked(outcome, begun, ended)
        for told, times in zip(answers, spans, strict=True)
        for outcome, (begun, ended) in zip(told, times, strict=True)
    ]


def overshoot_for_certain(requests: Iterable[Asked], yardstick: Yardstick) -> int:
    """By how many units some window's quota was exceeded, wherever the unseen instants were.

    0 when some choice of instants keeps the promise as far as this bound can tell. For each
    stretch from the beginning u of one request to the end v of another, the admissions wholly
    inside it must have fit into the windows that [u, v] can touch.
    """
    admitted = [one for one in requests if one.outcome is Outcome.ADMITTED]
    if len(admitted) <= yardstick.limit:
        return 0
    most = 0
    for first in {one.begun for one in admitted}:
        ends = sorted(one.ended for one in admitted if one.begun >= first)
        for count, last in enumerate(ends, start=1):
            most = max(most, _excess(count, last - first, yardstick))
    return most


def refused_in_vain(requests: Sequence[Asked], yardstick: Yardstick) -> bool:
    """Whether somebody was refused although there was room at every instant of the request.

    To be asked when all is over: a request without an end may have been admitted.
    """
    return any(with_room(one, requests, yardstick) for one in requests)


def with_room(one: Asked, requests: Sequence[Asked], yardstick: Yardstick) -> bool:
    """Whether this one of the requests was refused in vain."""
    if one.outcome is not Outcome.REJECTED:
        return False
    admitted = [other for other in requests if other.outcome is Outcome.ADMITTED]
    return _room(one, admitted, yardstick)


def _excess(count: int, length: int, yardstick: Yardstick) -> int:
    """How far so many admissions within `length` µs are above what the promise allows there."""
    if yardstick.rate is not None:
        dripped = yardstick.rate * (length + EDGE) * MICRO if length else 0.0
        return count - math.floor(yardstick.burst + dripped + 1e-6)
    window = max(yardstick.window // MICRO - EDGE + 1, 1)
    windows = length // window + 1
    if yardstick.kind == "fixed" and length:
        windows += 1  # an edge may lie inside
    return math.ceil(count / windows) - yardstick.limit


def _room(refused: Asked, admitted: Sequence[Asked], yardstick: Yardstick) -> bool:
    before = [one for one in admitted if one.begun <= refused.ended]
    if yardstick.rate is None:
        opened = refused.begun - yardstick.window // MICRO - EDGE
        return sum(one.ended > opened for one in before) < yardstick.limit
    debt = float(sum(one.ended >= refused.begun for one in before))
    for since in {one.ended for one in before if one.ended <= refused.begun}:
        taken = sum(one.ended >= since for one in before)
        waited = max(0, refused.begun - since - EDGE) * MICRO
        dripped = max(0.0, yardstick.rate * waited - 1e-6)  # at one instant nothing is rounded
        debt = max(debt, taken - dripped)
    return yardstick.burst - debt >= 1
