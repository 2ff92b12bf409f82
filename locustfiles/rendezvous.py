"""A barrier for Locust users: all of them, in all processes, start on the same instant.

Locust has none. Here every process tells the master when all its users have arrived, by Locust's
own messages (so that it works across machines), and the master names one instant for them all.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import gevent
from gevent.event import AsyncResult
from locust.env import Environment
from locust.runners import LocalRunner, MasterRunner, Runner, WorkerRunner

ARRIVED, GO = "limitproof_arrived", "limitproof_go"
PREPARED = "limitproof_prepared"
LEAD = 0.03  # seconds from the master's word to the common instant: a message and a wake-up

LOCUSTS_GLANCE = 1.0  # seconds between two looks of Locust's master for its workers

OnGo = Callable[[int, int], None]
"""Called in the master with a stage's number and its instant (ns since the epoch)."""
OnTrouble = Callable[[str], None]
"""Called in the master with what keeps a stage from ending."""


class Rendezvous:
    """One side's end of the barrier. `users` is the number of users in this process."""

    def __init__(self, runner: Runner, users: int) -> None:
        self._runner = runner
        self._users = users
        self._here: dict[int, int] = {}
        self._instants: dict[int, AsyncResult[int]] = {}
        runner.register_message(GO, self._go)

    def arrive(self, stage: int) -> int:
        """Wait for everybody; the instant (ns since the epoch) at which the stage starts."""
        self._here[stage] = self._here.get(stage, 0) + 1
        if self._here[stage] == self._users:
            self._runner.send_message(ARRIVED, {"stage": stage})
        return self._result(stage).get() or 0

    def _go(self, environment: Environment, msg: Any, **_: Any) -> None:  # noqa: ARG002
        self._result(msg.data["stage"]).set(msg.data["start"])

    def _result(self, stage: int) -> AsyncResult[int]:
        return self._instants.setdefault(stage, AsyncResult())


class Conductor:
    """The master's end: counts the processes that have arrived and gives the word.

    `limits` holds, stage by stage, how many seconds the stage may take until everybody has
    arrived at the next; a stage that takes longer, or a process that dies, is `trouble`.
    """

    def __init__(
        self,
        runner: Runner,
        processes: int,
        limits: list[float],
        on_go: OnGo,
        trouble: OnTrouble,
    ) -> None:
        self._runner, self._processes, self._limits = runner, processes, limits
        self._on_go, self._trouble = on_go, trouble
        self._arrived: dict[int, set[str]] = {}
        self._deadline: float | None = None
        runner.register_message(ARRIVED, self._on_arrival)
        gevent.spawn(self._watch)

    def _on_arrival(self, environment: Environment, msg: Any, **_: Any) -> None:  # noqa: ARG002
        stage = int(msg.data["stage"])
        arrived = self._arrived.setdefault(stage, set())
        arrived.add(msg.node_id)
        if len(arrived) < self._processes:
            return
        start = time.time_ns() + round(LEAD * 1e9)
        self._deadline = (
            time.monotonic() + LEAD + self._limits[stage] if stage < len(self._limits) else None
        )
        self._on_go(stage, start)
        self._runner.send_message(GO, {"stage": stage, "start": start})

    def _watch(self) -> None:
        while True:
            gevent.sleep(0.1)
            if isinstance(self._runner, MasterRunner) and self._runner.clients.missing:
                self._trouble("a load process died or no longer answers")
                return
            if self._deadline is not None and time.monotonic() > self._deadline:
                self._trouble("a client did not come back from the limiter in time")
                return


def muster(runner: MasterRunner, processes: int) -> None:
    """In the master, as it is made ready: wait until so many processes are `prepared`.

    Locust looks once, usually a moment too early, and then sleeps for a second. Who is not there
    by then is Locust's to wait for.
    """
    prepared: set[str] = set()
    runner.register_message(PREPARED, lambda msg, **_: prepared.add(msg.node_id))
    deadline = time.monotonic() + LOCUSTS_GLANCE
    while len(prepared) < processes and time.monotonic() < deadline:
        gevent.sleep(0.01)


def prepared(runner: WorkerRunner) -> None:
    """In a worker: tell the master that users may be started here."""
    runner.send_message(PREPARED)


def worker_index(runner: Runner | None) -> int:
    """The number of this process among those that run users, from 0."""
    return int(runner.worker_index) if isinstance(runner, WorkerRunner | LocalRunner) else -1
