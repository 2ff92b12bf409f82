"""Judging a few requests whose instants are known: only what holds wherever the limiter decided."""

from __future__ import annotations

from itertools import product

import pytest

from limiters.promise import FixedWindow, Promise, SlidingWindow, TokenBucket
from limitproof.check.instant import overshoot_at_once, refused_with_room
from limitproof.check.instants import (
    Asked,
    asked_of,
    overshoot_for_certain,
    refused_in_vain,
    with_room,
)
from limitproof.check.yardstick import Yardstick
from limitproof.history.outcome import Outcome

SECOND, MS = 1_000_000, 1_000
YES, NO = Outcome.ADMITTED, Outcome.REJECTED
ONE_A_SECOND = Yardstick.of(SlidingWindow(1, 1.0))


def at(instant: int, outcome: Outcome = YES, *, until: int | None = None) -> Asked:
    return Asked(outcome, instant, instant if until is None else until)


@pytest.mark.parametrize(
    ("promise", "instants", "over"),
    [
        (SlidingWindow(1, 1.0), [0, 0], 1),
        (SlidingWindow(1, 1.0), [0, SECOND - MS], 1),
        (SlidingWindow(1, 1.0), [0, SECOND - MS + 1], 0),  # within the tolerance
        (SlidingWindow(1, 1.0), [0, SECOND], 0),
        (SlidingWindow(2, 1.0), [0, 1, 2, SECOND + 1], 1),
        (FixedWindow(1, 1.0), [0, 0], 1),
        (FixedWindow(1, 1.0), [0, 1], 0),  # an edge may lie in between
        (FixedWindow(1, 1.0), [0, 1, 2], 1),
        (FixedWindow(2, 1.0), [0, 0, 1, 1, SECOND, SECOND], 0),
        (TokenBucket(1.0, 2.0), [0, 0], 0),
        (TokenBucket(1.0, 2.0), [0, 0, 0], 1),
        (TokenBucket(1.0, 2.0), [0, 0, SECOND], 0),
        (TokenBucket(1.0, 2.0), [0, 0, SECOND, SECOND], 1),
        (TokenBucket(1.0, 2.0), [0, 0, SECOND - MS], 0),  # its clock may be 1 ms ahead
        (TokenBucket(1.0, 2.0), [0, 0, SECOND - 2 * MS], 1),
    ],
)
def test_overshoot_at_known_instants(promise: Promise, instants: list[int], over: int) -> None:
    requests = [at(instant) for instant in instants]
    assert overshoot_for_certain(requests, Yardstick.of(promise)) == over


def test_a_long_request_may_have_been_admitted_in_another_window() -> None:
    """From 0 to 1.2 s and at 0.9 s: the first may have been admitted at 1.2 s, the other before."""
    long = at(0, until=1_200 * MS)
    assert overshoot_for_certain([long, at(100 * MS)], ONE_A_SECOND) == 0
    assert overshoot_for_certain([at(0, until=500 * MS), at(900 * MS)], ONE_A_SECOND) == 1


def test_three_within_two_windows_are_one_too_many() -> None:
    """No window of one second holds two of these for certain, and two windows hold not three."""
    requests = [
        at(0, until=SECOND),
        at(0, until=2 * SECOND - 2 * MS),
        at(900 * MS, until=1_998 * MS),
    ]
    assert overshoot_for_certain(requests, ONE_A_SECOND) == 1


@pytest.mark.parametrize(
    ("promise", "admitted", "refused", "vain"),
    [
        (SlidingWindow(1, 1.0), [], 0, True),
        (SlidingWindow(1, 1.0), [0], 0, False),
        (SlidingWindow(1, 1.0), [0], SECOND, False),  # within the tolerance
        (SlidingWindow(1, 1.0), [0], SECOND + MS - 1, False),
        (SlidingWindow(1, 1.0), [0], SECOND + MS, True),
        (SlidingWindow(2, 1.0), [0, 500 * MS], SECOND + MS, True),
        (SlidingWindow(1, 1.0), [2 * SECOND], 0, True),  # it was admitted only later
        (FixedWindow(1, 1.0), [0], SECOND + MS, True),
        (TokenBucket(1.0, 2.0), [0], 0, True),
        (TokenBucket(1.0, 2.0), [0, 0], SECOND, False),
        (TokenBucket(1.0, 2.0), [0, 0], SECOND + 2 * MS, True),
        (TokenBucket(1.0, 1.5), [0], 400 * MS, False),
    ],
)
def test_refusals_at_known_instants(
    promise: Promise, admitted: list[int], refused: int, vain: bool
) -> None:
    requests = [*(at(instant) for instant in admitted), at(refused, NO)]
    assert refused_in_vain(requests, Yardstick.of(promise)) is vain
    assert with_room(requests[-1], requests, Yardstick.of(promise)) is vain
    assert not any(with_room(one, requests, Yardstick.of(promise)) for one in requests[:-1])


def test_a_refusal_may_have_been_decided_while_a_long_request_was_in_the_window() -> None:
    long = at(0, until=500 * MS)
    assert not refused_in_vain([long, at(SECOND + 100 * MS, NO)], ONE_A_SECOND)
    assert refused_in_vain([long, at(SECOND + 501 * MS, NO)], ONE_A_SECOND)


@pytest.mark.parametrize("promise", [SlidingWindow(2, 1.0), FixedWindow(2, 1.0), TokenBucket(2, 2)])
def test_at_one_instant_it_is_a_plain_count(promise: Promise) -> None:
    """As `check.instant` has it, for every outcome of four requests."""
    yardstick = Yardstick.of(promise)
    for told in product((YES, NO, Outcome.ERROR), repeat=4):
        answers = (told,)
        requests = asked_of(answers, (((7, 7),) * 4,))
        assert overshoot_for_certain(requests, yardstick) == overshoot_at_once(answers, 2)
        assert refused_in_vain(requests, yardstick) == refused_with_room(answers, 2)
