"""The clock inside of a simulation: each way of reading it tells the same millisecond."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime

from limitproof.servers.virtual import START
from limitproof.simulate.sandbox import sandbox


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
