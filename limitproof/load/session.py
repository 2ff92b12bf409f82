"""What the clients of one load process share: the plan, the recorders, the clients' numbers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff

from limiters.contract import AsyncFactory, Limiter, Quota
from limiters.promise import promise_of
from limiters.registry import Target, resolve
from limitproof.decisions import one_line
from limitproof.history import records
from limitproof.history.columns import Key
from limitproof.history.meta import Meta
from limitproof.history.outcome import Outcome
from limitproof.history.recorder import Discarder, Recorder
from limitproof.load.blocking import Blocking, EventLoop
from limitproof.load.client import Client
from limitproof.load.connection import own_client
from limitproof.load.plan import Job, Part, Plan, Stage, patience
from limitproof.promises import describe
from limitproof.servers.handle import no_retry, timeouts
from scenarios.catalogue import scenario
from scenarios.model import Keys

BY_HAND = (
    "contract", "overshoot", "false-rejection", "contamination", "remaining", "retry-after"
)  # fmt: skip
"""The checks of a test started by hand, in which nobody samples the server's keys."""
CONSTRUCTION = Key("construction", "", 1)
"""Stands in the record for the making of a limiter, where that fails."""


class Session:
    """One process's share of a plan.

    `index` tells the process's number, which Locust knows only once the master has answered.
    """

    def __init__(self, plan: Plan, index: Callable[[], int]) -> None:
        self.plan = plan
        self._index = index
        self._clients = 0
        self._clock: dict[str, float] = {}
        self._loop: EventLoop | None = None
        self._targets: dict[int, Target] = {}
        self._recorders: dict[int, Recorder | Discarder] = {}

    def next_client(self) -> int:
        """A number for one more client: neighbours in number are in different processes."""
        before = self._clients
        self._clients += 1  # now: whoever tells the index may let others run
        number = before * self.plan.processes + self._index()
        if not self._clock:
            # Before the first recorder is made: this asks the server, so that other users of the
            # process run meanwhile, and two of them must not make the same recorder.
            self._clock = server_clock(self.plan.url)
        return number

    @contextmanager
    def client(self, place: int, number: int) -> Iterator[Client | None]:
        """Client `number` of the plan's job `place`, connected; None when it cannot be made.

        That the limiter could not be made is in the record, as an operation that raised.
        """
        job, recorder = self.plan.jobs[place], self._recorder(place)
        with ExitStack() as connections:
            try:
                limiter = self._connect(place, connections)
            except Exception as error:  # noqa: BLE001 - a foreign constructor may do anything
                lost = isinstance(error, redis.ConnectionError | redis.TimeoutError)
                slot = recorder.invoked(number, CONSTRUCTION, 1)
                recorder.answered(slot, Outcome.UNKNOWN if lost else Outcome.ERROR)
                recorder.error(f"the limiter could not be made: {one_line(error)}")
                yield None
            else:
                yield Client(number, limiter, recorder, job.prefix, patience(job.quota))

    def _connect(self, place: int, connections: ExitStack) -> Limiter:
        """A limiter on a connection of its own, which is open: that is no part of an operation."""
        job = self.plan.jobs[place]
        if place not in self._targets:
            self._targets[place] = resolve(job.target)
        target = self._targets[place]
        options = timeouts() | {"retry": no_retry()}
        if not target.is_async:
            client = connections.enter_context(own_client(self.plan.url, **options))
            client.ping()
            return cast(Limiter, target.factory(client, job.quota, time.time))
        if self._loop is None:
            self._loop = EventLoop()
        options["retry"] = AsyncRetry(NoBackoff(), 0)
        async_client = redis.asyncio.Redis.from_url(self.plan.url, **options)
        connections.callback(lambda loop: loop.run(async_client.aclose()), self._loop)
        self._loop.run(async_client.ping())
        limiter = cast(AsyncFactory, target.factory)(async_client, job.quota, time.time)
        return Blocking(limiter, self._loop)

    def begun(self, place: int) -> None:
        """A stage of job `place` has begun everywhere: nobody records for an earlier one now."""
        for earlier in [known for known in self._recorders if known < place]:
            self._recorders.pop(earlier).close()

    def _recorder(self, place: int) -> Recorder | Discarder:
        if place not in self._recorders:
            job = self.plan.jobs[place]
            if job.record:
                folder = Path(self.plan.folder) / job.name
                folder.mkdir(parents=True, exist_ok=True)
                self._recorders[place] = Recorder(folder, self._index(), self._clock)
            else:
                self._recorders[place] = Discarder()
        return self._recorders[place]


def server_clock(url: str) -> dict[str, float]:
    """How far the server's clock is ahead of ours, and how well that is known, in seconds.

    The sample with the shortest round trip of eight (Cristian 1989).
    """
    best = (float("inf"), 0.0)
    with redis.Redis.from_url(url, **timeouts()) as client:
        for _ in range(8):
            before = time.time()
            seconds, micros = client.time()
            after = time.time()
            best = min(best, (after - before, seconds + micros / 1e6 - (before + after) / 2))
    return {"server_offset": best[1], "server_error": best[0] / 2}


def adhoc_plan(
    *, url: str, target: str, quota: Quota, keys: int, seed: int, folder: str | None
) -> Plan:
    """The plan of a test started by hand: one endless closed loop.

    Raises ValueError for a quota or a number of keys that makes no sense.
    """
    if keys < 1:
        raise ValueError(f"keys must be at least 1, not {keys}")
    endless = replace(scenario("sustained"), keys=Keys(count=keys)).stretched(1e9)
    stage = Stage((Part(endless, 0, 1),))
    prefix = f"limitproof:adhoc:{seed}:"
    job = Job("adhoc", target, quota, prefix, (stage,), record=bool(folder))
    if folder:
        own = Path(folder) / job.name
        own.mkdir(parents=True, exist_ok=True)
        records.write_meta(own, _about(target, quota, seed))
    return Plan(url, folder or "", seed, processes=1, clients=1, jobs=(job,))


def _about(target: str, quota: Quota, seed: int) -> Meta:
    """What the record of a test started by hand says of itself; who, and where, it cannot know."""
    found = resolve(target)
    return Meta(
        limiter=found.name,
        target=target,
        limit=quota.limit,
        window=quota.window,
        promise=describe(promise_of(found.factory, quota)),
        seed=seed,
        engine="locust",
        processes=0,
        clients=0,
        server={},
        checks=BY_HAND,
    )
