"""What recording costs: the same Locust users with and without it, in turns, in one run.

    python -m benchmarks.recording

The users ask lua_atomic on one hot key, as fast as it answers. Target: the recorded load is at
least 90 % of the unrecorded one.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from benchmarks.closed_loop import CLIENTS, PROCESSES, measure
from benchmarks.figures import Figure, exit_code
from limitproof.servers.server import open_server

ROUNDS = 20
SECONDS = 0.7  # each half of a round: short, as what disturbs a machine comes and goes
TARGET = 0.90


def turns(rounds: int) -> tuple[bool, ...]:
    """Whether each half round is recorded: first in every other round, so that a drift of the
    machine is not taken for a cost."""
    return tuple(half == number % 2 for number in range(rounds) for half in (0, 1))


def pairs(recorded: Sequence[bool], rates: Sequence[float]) -> tuple[tuple[float, float], ...]:
    """(with, without) of each round, whichever of them came first."""
    both = list(zip(recorded, rates, strict=True))
    return tuple(
        (one[1], other[1]) if one[0] else (other[1], one[1])
        for one, other in zip(both[::2], both[1::2], strict=True)
    )


def main() -> Figure:
    """Measure, print every round, and give the ratios."""
    print(f"recording: lua_atomic, one key, {PROCESSES} processes x {CLIENTS} clients, ops/s")
    recorded = turns(ROUNDS)
    with open_server("spawn", os.environ) as server:
        rounds = pairs(recorded, measure(server, "lua_atomic", "evalsha", recorded, SECONDS))
    for number, (with_, without) in enumerate(rounds, 1):
        print(
            f"  round {number:2}  recorded {with_:8,.0f}  not {without:8,.0f}"
            f"  ratio {with_ / without:.3f}"
        )
    ratios = [with_ / without for with_, without in rounds]
    figure = Figure("recorded / not recorded", ratios, TARGET)
    print(f"  {figure}")
    return figure


if __name__ == "__main__":
    sys.exit(exit_code([main()]))
