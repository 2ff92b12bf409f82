"""What it brings that a world and its server share one CPU: `python -m benchmarks.one_cpu`.

Much on an idle machine, where the one who is woken was asleep; nothing on a busy one. So no target.
"""

from __future__ import annotations

import random
import sys
import time
from unittest.mock import patch

from benchmarks.figures import Figure, exit_code
from limiters.contract import Quota
from limiters.registry import resolve
from limitproof.simulate import opening
from limitproof.simulate.cast import Cast
from limitproof.simulate.one_cpu import one_cpu
from limitproof.simulate.opening import open_world
from limitproof.simulate.resp import pack

ROUNDS, SECONDS, ASKED = 5, 0.4, 2_000


def measured() -> tuple[float, float]:
    """(round trips, whole runs of four clients of get_set_json) a second."""
    source, get = random.Random(0), pack("GET", "k")
    with open_world(Cast(resolve("get_set_json"), Quota(1, 1.0), 4)) as world:
        begun = time.perf_counter()
        for _ in range(ASKED):
            world.send(get, 1)
        asked = ASKED / (time.perf_counter() - begun)
        begun, runs = time.perf_counter(), 0
        while (spent := time.perf_counter() - begun) < SECONDS:
            world.trace(source.choice)
            runs += 1
    return asked, runs / spent


def main() -> list[Figure]:
    """Measure in turns, print, and give the figures."""
    print("one CPU for a world and its server, or any")
    shared, apart = [], []
    for _ in range(ROUNDS):
        shared.append(measured())
        with patch.object(opening, "one_cpu", lambda _: one_cpu(None)):
            apart.append(measured())
    for name, told in (("one", shared), ("any", apart)):
        trips = ", ".join(f"{1e6 / one:.0f}" for one, _ in told)
        print(
            f"  {name}: round trip {trips} µs; {', '.join(f'{two:,.0f}' for _, two in told)} runs/s"
        )
    pairs = list(zip(shared, apart, strict=True))
    figures = [
        Figure("round trips a second, one CPU / any", [a[0] / b[0] for a, b in pairs]),
        Figure("runs a second, one CPU / any", [a[1] / b[1] for a, b in pairs]),
    ]
    for figure in figures:
        print(f"  {figure}")
    return figures


if __name__ == "__main__":
    sys.exit(exit_code(main()))
