"""Claim C2: does a pipeline overshoot, and from how many requests a second on one key?

    python -m benchmarks.claim_c2 [--results DIR]

Asks `pipeline`, and `pipeline_cleanup_steals` (the same as its author wrote it), on one hot key of
a real Redis at rising rates: on schedule (an open loop), then as fast as it goes. Prints a table
and writes claim_c2.txt, claim_c2.json and claim_c2.png. Takes about two minutes.

What it cannot show: a real Redis runs a short pipeline that it has read at once as one batch, so
that other clients' commands hardly ever come between; no number of quiet windows proves that they
cannot. Only a simulation could settle that, command by command.
"""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.claim_c2_plot import draw
from benchmarks.claim_c2_rows import Row, findings, row_of, table, to_json
from limiters.contract import Quota
from limiters.promise import promise_of
from limiters.registry import resolve
from limitproof import results
from limitproof.history.meta import Meta
from limitproof.load.engine import Recorded, Task, drive
from limitproof.load.plan import Job, Part, Stage
from limitproof.promises import describe
from limitproof.servers.handle import Server
from limitproof.servers.server import open_server
from scenarios.model import Saturate, Scenario

LIMITERS = ("pipeline", "pipeline_cleanup_steals")
QUOTAS = (Quota(10, 0.1), Quota(100, 0.5))  # 100 and 200 a second: every rate is far above
RATES: tuple[float | None, ...] = (500, 1000, 2000, 4000, 8000, None)
SECONDS = 4.0  # at each rate
SECONDS_MAX = 8.0  # as fast as it goes
PROCESSES, CLIENTS, SEED = 2, 8, 0
NOTE = (
    "A real Redis runs a short pipeline that it reads at once as one batch: load shows how often "
    "the race is hit here, not that it cannot be. Only running the commands one by one, in every "
    "order, can settle that."
)


def scenario(quota: Quota, rate: float | None, seconds: float) -> Scenario:
    """One hot key for so many seconds, at `rate` requests a second of all clients together."""
    flood = Scenario("hot", "one key", (Saturate(0.0, seconds / quota.window),), ("overshoot",))
    return flood if rate is None else flood.at_rate(rate * quota.window / quota.limit)


def measure(server: Server) -> list[Row]:
    """Every limiter under every quota and rate, in this order. Raises load.locust.LocustError
    when Locust does not start, RuntimeError when a run ended early."""
    kinds = [(name, quota, rate) for name in LIMITERS for quota in QUOTAS for rate in RATES]
    tasks = [_task(server, number, *kind) for number, kind in enumerate(kinds)]
    with TemporaryDirectory(prefix="limitproof-c2-") as folder:
        histories = []
        for event in drive(
            tasks, server, Path(folder), processes=PROCESSES, clients=CLIENTS, seed=SEED
        ):
            if isinstance(event, Recorded):
                if event.history.meta.interrupted:
                    raise RuntimeError(f"{event.job}: {event.history.meta.interrupted}")
                histories.append(event.history)
    return [row_of(history, kind[2]) for history, kind in zip(histories, kinds, strict=True)]


def _task(server: Server, number: int, name: str, quota: Quota, rate: float | None) -> Task:
    target = resolve(name)
    seconds = SECONDS_MAX if rate is None else SECONDS
    stage = Stage((Part(scenario(quota, rate, seconds), 0, PROCESSES * CLIENTS),))
    job = Job(f"c2-{number}", name, quota, f"c2:{number}:", (stage,))
    meta = Meta(
        limiter=name, target=name, limit=quota.limit, window=quota.window,
        promise=describe(promise_of(target.factory, quota)), seed=SEED, engine="load",
        processes=PROCESSES, clients=CLIENTS, server=dict(server.meta),
    )  # fmt: skip
    return Task(job, meta)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.claim_c2", description=__doc__)
    parser.add_argument("--results", type=Path, default=Path("results/claim-c2"), metavar="DIR")
    folder: Path = parser.parse_args(arguments).results
    folder.mkdir(parents=True, exist_ok=True)
    with open_server("spawn", os.environ) as server:
        rows = measure(server)
        about = {
            "server": dict(server.meta),
            "machine": {"cores": os.cpu_count(), "system": platform.system()},
            "processes": PROCESSES,
            "clients": CLIENTS,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
        }
    said = [*findings(rows), NOTE]
    text = "\n".join([table(rows), "", *said])
    print(text)
    results.write_text(folder / "claim_c2.txt", text + "\n")
    rows_ = [to_json(row) for row in rows]
    results.write_json(folder / "claim_c2.json", {**about, "rows": rows_, "findings": said})
    draw(rows, folder / "claim_c2.png")


if __name__ == "__main__":
    main()
