"""How fast a search is: `python -m benchmarks.exploring`.

Complete searches beside the seconds that they may take, and runs a second from an empty server to
their end (stateless), all through unmodified redis-py on the real server.
"""

from __future__ import annotations

import random
import sys
import time

from benchmarks.figures import Figure, exit_code
from limiters.contract import Quota
from limiters.registry import resolve
from limitproof.simulate.cast import Cast
from limitproof.simulate.explore import explore
from limitproof.simulate.opening import open_world

ROUNDS, SECONDS = 6, 0.5  # of stateless runs
CLIENTS = (2, 3, 4)  # of whom each sends one command or two in a run
LEAST = 1_500  # stateless runs a second
PATIENCE = 60.0  # seconds of a complete search
COMPLETE = (
    ("get_set_json", 8, 4, 10.0),
    ("benchmarks.count_then_add:CountThenAdd", 6, 2, 10.0),
    ("lua_atomic", 8, 4, 5.0),
)
"""Limiter, clients, limit, and the most seconds it may take, start of Redis included."""


def stateless(clients: int, rounds: int = ROUNDS, seconds: float = SECONDS) -> tuple[float, ...]:
    """Runs a second in each round, of clients of get_set_json, limit 1, choices at random."""
    source = random.Random(0)
    rates = []
    with open_world(Cast(resolve("get_set_json"), Quota(1, 1.0), clients)) as world:
        for _ in range(rounds):
            begun, runs = time.perf_counter(), 0
            while (spent := time.perf_counter() - begun) < seconds:
                world.trace(source.choice)
                runs += 1
            rates.append(runs / spent)
    return tuple(rates)


def completely(target: str, clients: int, limit: int, most: float) -> Figure:
    """Search, print what was covered, and give the time it may take over what it took; a search
    that is not complete counts as endless."""
    found = explore(Cast(resolve(target), Quota(limit, 1.0), clients), PATIENCE, lambda _: None)
    name = target.rpartition(":")[2]
    print(
        f"  {name}, {clients} clients, limit {limit}: {found.seconds:.2f} s, "
        f"{found.coverage.sentence}{found.doubt and ', ' + found.doubt}",
        flush=True,
    )
    complete = found.coverage.complete and not found.doubt
    ratio = most / found.seconds if complete else 0.0
    return Figure(f"{most:g} s / complete search of {name}, {clients} clients", [ratio], 1.0)


def main() -> list[Figure]:
    """Measure, print, and give the figures."""
    print("exploring: complete searches, start of Redis included; then runs one by one")
    figures = [completely(*search) for search in COMPLETE]
    for clients in CLIENTS:
        rates = stateless(clients)
        said = ", ".join(f"{rate:,.0f}" for rate in rates)
        print(f"  stateless, {clients} clients: {said} schedules a second", flush=True)
        name = f"stateless schedules a second of {clients} clients / {LEAST:,}"
        figures.append(Figure(name, [rate / LEAST for rate in rates], 1.0))
    for figure in figures:
        print(f"  {figure}")
    return figures


if __name__ == "__main__":
    sys.exit(exit_code(main()))
