"""Explorations made by hand: runs, counterexamples, and what a search would have said of them."""

from __future__ import annotations

from typing import Any

from limitproof.explored import Counterexample, Explored
from limitproof.history.outcome import Outcome
from limitproof.schedules import Run, Schedule, Step


def step(
    client: int,
    command: str = "GET k",
    reply: str = "nil",
    *,
    writes: bool = False,
    state: str = "(no key)",
    answered: Outcome | None = None,
) -> Step:
    return Step(client, (command,), (reply,), not writes, writes, state, answered)


def race() -> Run:
    """A and B read, then both write: two admitted for a limit of 1."""
    wrote = [
        step(
            client, f"SETEX k 1 [{value}]", "OK", writes=True, state=f"k = [{value}] (1000 ms)",
            answered=Outcome.ADMITTED,
        )
        for client, value in ((1, 7), (0, 8))
    ]  # fmt: skip
    return Run((step(0), step(1), *wrote), ((Outcome.ADMITTED,), (Outcome.ADMITTED,)))


def with_time() -> Run:
    """Two requests of one client, and a second in between that takes the key away."""
    kept, admitted = "k = [7] (1000 ms)", Outcome.ADMITTED
    return Run(
        (
            step(0, "SET k 7 PX 1000", "OK", writes=True, state=kept, answered=admitted),
            Step(-1, (), (), False, False, "(no key)", moved=1_000_000, at=1_000_000, gone=("k",)),
            step(0, "SET k 7 PX 1000", "OK", writes=True, state=kept, answered=admitted),
        ),
        ((admitted, admitted),),
        (((0, 0), (1_000_000, 1_000_000)),),
        ("an error",),
    )


def long_run(steps: int, clients: int = 4) -> Run:
    """Each step writes, and changes the key."""
    return Run(
        tuple(
            step(n % clients, f"INCR k{n}", str(n), writes=True, state=f"k = {n}")
            for n in range(steps)
        ),
        ((Outcome.ADMITTED,),) * clients,
    )


def counterexample(
    run: Run | None = None,
    check: str = "overshoot",
    *,
    because: str = "A and B both read (GET) before either wrote (SETEX)",
    sequential: bool = False,
    seed: int = 0,
) -> Counterexample:
    played = run or race()
    schedule = Schedule(
        "mine.py:Mine", 1, 1.0, max(played.choices, default=0) + 1, 1, seed, "packet",
        played.choices, check,
    )  # fmt: skip
    return Counterexample(check, 1, schedule, played, because, sequential)


def explored(
    overshoot: Counterexample | None = None,
    refusal: Counterexample | None = None,
    **changes: Any,
) -> Explored:
    """A complete search through 24 schedules, all of which are bad where it found something."""
    given: dict[str, Any] = {
        "limiter": "mine", "quota_limit": 1, "window": 1.0, "limit": 1, "clients": 2,
        "requests": 1, "seed": 0, "granularity": "packet", "strategy": "complete",
        "complete": True, "states": 5, "schedules": 24, "seconds": 0.25,
        "sentence": "all 5 states, which stand for 24 schedules",
        "server": {"name": "redis", "version": "8.2.3"},
        "overshoot": overshoot, "worst": overshoot, "refusal": refusal,
        "overshooting": 24 * (overshoot is not None), "refusing": 23 * (refusal is not None),
        "ordered": True,
    }  # fmt: skip
    return Explored(**given | changes)
