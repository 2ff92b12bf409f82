"""A run as bytes: what decides its steps, and what each of them was."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from limitproof.history.outcome import Outcome
from limitproof.schedules import Answers, Spans

Choose = Callable[[Sequence[int]], int | None]
"""Picks one of the clients that want to go on; or −d to move the clock on by d microseconds; or
None to stop there."""
Commands = Sequence[Sequence[bytes]]


@dataclass(frozen=True, slots=True)
class Trace:
    """A run as bytes: equal runs have equal traces."""

    choices: tuple[int, ...]
    packets: tuple[bytes, ...]
    replies: tuple[bytes, ...]
    answers: Answers
    spans: Spans = ()


@dataclass(frozen=True, slots=True)
class Taken:
    """One step as it was taken: what was sent and answered, and what the limiter decided then."""

    packet: bytes = b""
    commands: Commands = ()
    reply: bytes = b""
    decided: Outcome | None = None
