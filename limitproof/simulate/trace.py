"""A run as bytes: what decides its steps, and what each of them was."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from limitproof.history.outcome import Outcome
from limitproof.schedules import Answers, Spans
from limitproof.simulate.resp import Commands
from limitproof.simulate.search.ends import Told
from limitproof.simulate.seat import Seat

Choose = Callable[[Sequence[int]], int | None]
"""Picks one of the clients that want to go on; or −d to move the clock on by d microseconds; or
None to stop there."""


@dataclass(frozen=True, slots=True)
class Trace:
    """A run as bytes: equal runs have equal traces. told: the whole decisions of each client."""

    choices: tuple[int, ...]
    packets: tuple[bytes, ...]
    replies: tuple[bytes, ...]
    answers: Answers
    spans: Spans = ()
    told: tuple[tuple[Told, ...], ...] = ()


class Taken(NamedTuple):
    """One step as it was taken: what was sent and answered, and what the limiter decided then."""

    packet: bytes = b""
    commands: Commands = ()
    reply: bytes = b""
    decided: Outcome | None = None


def answers_of(seats: Iterable[Seat]) -> Answers:
    """What each client's requests came to, in the run that has just ended."""
    return tuple(tuple(seat.answers) for seat in seats)


def spans_of(seats: Iterable[Seat]) -> Spans:
    """When each client's requests began and ended, of those that did."""
    return tuple(
        tuple((call.begun, call.ended) for call in seat.calls if call.ended is not None)
        for seat in seats
    )


def told_to(seats: Iterable[Seat]) -> tuple[tuple[Told, ...], ...]:
    """What each client was told."""
    return tuple(
        tuple(Told.of(call.outcome, call.decision) for call in seat.calls if call.ended is not None)
        for seat in seats
    )


def follow(choices: Sequence[int]) -> Choose:
    """The choices one by one, then the end; a client that wants nothing is left out."""
    left = list(choices)

    def choose(enabled: Sequence[int]) -> int | None:
        while left:
            wanted = left.pop(0)
            if wanted < 0 or wanted in enabled:
                return wanted
        return None

    return choose
