"""A closed loop of the suite's own Locust users, counted by the server.

The server counts the calls that reach it, so that a load is measured in the same way whether or
not it records itself, and whoever drives it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from tempfile import TemporaryDirectory

import redis

from limiters.contract import Quota
from limitproof.load.locust import Locust, LocustError, started
from limitproof.load.plan import Job, Part, Plan, Stage
from limitproof.servers.handle import Server
from scenarios.model import Saturate, Scenario

QUOTA = Quota(limit=10, window=1.0)
PROCESSES, CLIENTS = 2, 8  # the suite's defaults: processes, and clients in each
KEY = "hot"
WARM = 0.25  # seconds of load before counting
SLACK = 0.1  # seconds of load after counting
PATIENCE = 30.0  # seconds until Locust has begun, or begun the next job
_GLANCE = 0.005  # seconds


def measure(
    server: Server,
    target: str,
    command: str,
    recorded: Sequence[bool],
    seconds: float,
    *,
    before: Callable[[], None] = lambda: None,
    pause: float = 0.0,
) -> tuple[float, ...]:
    """Operations a second of `target` on one hot key, one figure for every entry of `recorded`.

    All are measured in one run of Locust, in this order, for `seconds` each; an entry says
    whether the operations are recorded. `command` is what the limiter sends once an operation, in
    the words of INFO COMMANDSTATS, such as "evalsha". Each starts after a `pause` of so many
    seconds without load, in which `before` is called. Raises LocustError when Locust fails.
    """
    with TemporaryDirectory(prefix="limitproof-bench-") as folder, server.client() as client:
        scenario = _closed_loop(pause, WARM + seconds + SLACK)
        with started(_plan(server, folder, target, recorded, scenario)) as locust:
            rates = []
            for start in _starts(locust, len(recorded)):
                _sleep_until(start)
                before()
                _sleep_until(start + pause + WARM)
                rates.append(rate(lambda: calls(client, command), seconds))
        return tuple(rates)


def rate(count: Callable[[], int], seconds: float) -> float:
    """How fast a counter grows, per second, looked at over `seconds`."""
    before, begun = count(), time.monotonic()
    time.sleep(seconds)
    after, ended = count(), time.monotonic()
    return (after - before) / (ended - begun)


def calls(client: redis.Redis, command: str) -> int:
    """How often the server has run a command since it started."""
    entry = client.info("commandstats").get(f"cmdstat_{command}")
    return int(entry["calls"]) if entry else 0


def _closed_loop(pause: float, seconds: float) -> Scenario:
    flood = Saturate(start=pause / QUOTA.window, duration=seconds / QUOTA.window)
    return Scenario(KEY, "a closed loop on one key", (flood,), checks=())


def _plan(
    server: Server, folder: str, target: str, recorded: Sequence[bool], scenario: Scenario
) -> Plan:
    stage = Stage((Part(scenario, 0, PROCESSES * CLIENTS),))
    jobs = tuple(
        Job(f"round-{number}", target, QUOTA, f"bench:{number}:", (stage,), record=record)
        for number, record in enumerate(recorded)
    )
    return Plan(server.url, folder, 0, PROCESSES, CLIENTS, jobs)


def _sleep_until(instant: float) -> None:
    time.sleep(max(0.0, instant - time.time()))


def _starts(locust: Locust, stages: int) -> Iterator[float]:
    """The instant (s since the epoch) at which each stage starts, told as soon as it is known."""
    for _ in range(stages):
        yield _next_start(locust, time.monotonic() + PATIENCE)


def _next_start(locust: Locust, patience: float) -> float:
    while True:
        for event in locust.said():
            if event["event"] == "stage":
                return float(event["start"]) / 1e9
            if event["event"] == "trouble":
                raise LocustError(f"the load went wrong: {event['why']}")
        if not locust.running or time.monotonic() > patience:
            raise LocustError(f"Locust came to no next round: {locust.last_words()}")
        time.sleep(_GLANCE)
