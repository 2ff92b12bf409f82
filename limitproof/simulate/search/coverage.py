"""What a search has seen, whatever its strategy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from limitproof.schedules import Answers
from limitproof.simulate.search.ends import End
from limitproof.simulate.search.names import Names
from limitproof.simulate.world import World


@dataclass(frozen=True, slots=True)
class Witness:
    """Choices that end in a defect: `measure` is the overshoot, or 1 for any other.

    A choice −d moves the clock on by d microseconds. sequential: each request is over before the
    next begins.
    """

    choices: tuple[int, ...]
    measure: int
    sequential: bool = False


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a search has found, and how far it went.

    complete: every interleaving is accounted for; stopped: why not, else ""; unfinished: for no
    other reason than that the time was over; states: distinct ones; schedules: interleavings that
    they stand for, or that were run; overshooting and refusing: how many of these end in an
    overshoot, in a false rejection; first: the smallest overshoot witness in (moves of the clock,
    context switches, steps), worst: the largest overshoot; refusal: the smallest witness of a false
    rejection; outcomes: the distinct ends, clients sorted; sentence: what was covered, for a
    person.

    moves: up to so many moves of the clock it is complete; -1: not even at one instant. error:
    the smallest witness of a limiter that raises or gives no Decision, and erring: how many
    schedules end with one. orders: the ends that the requests have one after the other, at one
    instant; empty where that was not looked at. disorder: the smallest witness that ends as none
    of these, and disordered: how many schedules do.

    unit: what is counted as schedules: "representatives" where one stands for all orders of its
    independent steps, so that shares of them are no shares of the schedules.
    """

    strategy: str
    complete: bool
    stopped: str = ""
    states: int = 0
    steps: int = 0
    schedules: int = 0
    overshooting: int = 0
    refusing: int = 0
    first: Witness | None = None
    worst: Witness | None = None
    refusal: Witness | None = None
    outcomes: frozenset[Answers] = field(default_factory=frozenset)
    sentence: str = ""
    moves: int = -1
    error: Witness | None = None
    erring: int = 0
    disorder: Witness | None = None
    disordered: int = 0
    orders: frozenset[End] = field(default_factory=frozenset)
    names: Names | None = field(default=None, compare=False)
    unit: str = "schedules"
    unfinished: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a search is, so many seconds after it began.

    states: distinct ones known so far, 0 for a search that keeps none; schedules: those that it has
    run, or whole ones that its states stand for, at the least.
    """

    states: int
    schedules: int
    seconds: float


Tell = Callable[[Progress], None]
"""Is told now and then how far a search is; may raise StoppedError."""


class StoppedError(Exception):
    """Raised by a Tell: the search ends here and keeps what it has found; the message says why."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a search ends before all is seen; out_of_time: its seconds are over."""

    why: str
    out_of_time: bool = False


def stop_of(tell: Tell, progress: Progress, seconds: float) -> Stop | None:
    """Tell how far a search of at most so many seconds is; None when it goes on."""
    try:
        tell(progress)
    except StoppedError as error:
        return Stop(str(error))
    if progress.seconds <= seconds:
        return None
    return Stop(f"stopped after {round(seconds, 1 if seconds >= 1 else 2):g} s", True)


class Strategy(Protocol):
    """Looks through interleavings until it has seen enough, or its seconds are over."""

    def search(self, world: World, limit: int, seconds: float, tell: Tell) -> Coverage: ...


def sorted_answers(answers: Answers) -> Answers:
    """Clients are alike: who was told what does not matter."""
    return tuple(sorted(answers))
