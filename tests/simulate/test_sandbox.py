"""The clock inside of a simulation: each way of reading it tells the same millisecond."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import FrameType

import pytest

from limitproof.servers.virtual import START
from limitproof.simulate.sandbox import sandbox, watchdog


def test_every_clock_tells_the_instant_that_is_meant() -> None:
    """The float nearest to START + 1 ms is below it: what cuts off told START (seen before)."""
    instants = [START + 1_000 * offset for offset in (0, 1, 7, 999, 1001, 86_399_999)]
    now = [START]
    told = []
    with sandbox(lambda: now[0] / 1_000_000, os.urandom, lambda _: None) as travel:
        for now[0] in instants:
            travel(now[0] / 1_000_000)
            date = datetime.now(UTC)
            told.append(
                (
                    int(time.time() * 1_000_000),
                    time.time_ns() // 1_000,
                    int(date.replace(microsecond=0).timestamp()) * 1_000_000 + date.microsecond,
                    time.monotonic_ns() // 1_000,
                )
            )
    assert told == [(instant,) * 4 for instant in instants]


def test_at_a_whole_second_the_float_is_what_it_was() -> None:
    with sandbox(lambda: START / 1_000_000, os.urandom, lambda _: None):
        assert time.time() == START / 1_000_000


class RangError(Exception):
    """The alarm of somebody else."""


@contextmanager
def alarm(seconds: float) -> Iterator[None]:
    """As a plugin for time limits sets it."""

    def ring(_signal: int, _frame: FrameType | None) -> None:
        raise RangError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_somebodys_alarm_is_kept_with_what_is_left_of_it() -> None:
    with alarm(1000.0):
        with watchdog(lambda: 0, lambda: False):
            assert signal.getitimer(signal.ITIMER_REAL)[0] < 2
        assert 900 < signal.getitimer(signal.ITIMER_REAL)[0] <= 1000


def test_an_alarm_whose_time_came_rings_at_the_end() -> None:
    def outlast() -> None:
        with alarm(0.02), watchdog(lambda: 0, lambda: False):
            began = time.perf_counter()
            while time.perf_counter() < began + 0.03:
                pass
            seen.append("outlasted")

    seen: list[str] = []
    with pytest.raises(RangError):
        outlast()
    assert seen
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
