"""One client alone, before the play: what a limiter keeps in its process, and what it draws."""

from __future__ import annotations

import math
from dataclasses import dataclass
from time import perf_counter

from limitproof.history.outcome import Outcome
from limitproof.simulate.refusal import LocalStateError, answers_at_random
from limitproof.simulate.seat import Seat
from limitproof.simulate.world import World

WHIMS = 100  # rehearsals of a limiter that draws random numbers
REHEARSED = 20  # most requests of the rehearsal


@dataclass(frozen=True, slots=True)
class _Rehearsed:
    """What one client was told; silent: whether it never asked Redis in a request; heard: the
    names of all commands that it sent."""

    answers: tuple[Outcome, ...]
    silent: bool
    heard: tuple[bytes, ...]


def rehearse(world: World) -> None:
    """One client asks beyond its limit, alone; then another does the same.

    Afterwards its Lua scripts are known to the server, as they are in production: a script's
    first call ever takes three round trips more. Who is answered otherwise the second time,
    on an empty server again, has kept something in the process. Raises LocalStateError then.
    """
    seat = world.seat(0)
    try:
        first = _alone(world, seat)
        world.learn_draws(seat)
        if first.silent and Outcome.REJECTED in first.answers:
            raise LocalStateError
        seat.close()
        second = _alone(world, seat)
        drawn = answers_at_random(first.heard + second.heard)
        if second.answers != first.answers and not drawn:
            raise LocalStateError(
                "asked anew, it answers otherwise: its state is in the process, "
                "in another database, or in random numbers of its own"
            )
    finally:
        seat.close()
    world.reset()


def whim(world: World, seconds: float = math.inf) -> str:
    """Whether one client alone does otherwise with other random numbers; "" when it does not.

    seconds: after them no more are tried.

    One that throws its key away once in a hundred requests does not do so with those of one
    seed: what is seen then is no more than a sample. Once in a thousand is likely missed.
    """
    if not world.draws:
        return ""
    seen = set()
    until = perf_counter() + seconds
    for life in range(WHIMS):
        if perf_counter() > until:
            break
        seat = world.understudy(0)
        seat.life = life
        try:
            seen.add(_alone(world, seat))
        finally:
            seat.leave()
            seat.life = 0
        if len(seen) > 1:
            break
    world.reset()
    return "what it does hangs on random numbers, and only some were tried" if len(seen) > 1 else ""


def _alone(world: World, seat: Seat) -> _Rehearsed:
    """One client asks beyond its limit, from an empty server at the first instant."""
    world.empty()
    heard: list[bytes] = []
    silent = True

    def to_the_end() -> None:
        while seat.ready:
            heard.extend(words[0] for one in seat.commands for words in one)
            world.step(seat)

    world.begin(seat)
    for _ in range(min(world.cast.quota.limit + 1, REHEARSED)):
        to_the_end()
        if seat.idle:
            world.ask(seat)
            silent &= not seat.ready
    to_the_end()
    return _Rehearsed(tuple(seat.answers), silent, tuple(heard))
