"""The real-time engine: jobs in, one history a job out.

Locust runs the clients; this process follows it, samples the server's keys from a connection of
its own, and turns what was recorded into histories. Nothing is judged here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import redis

from limitproof.history import records
from limitproof.history.columns import History
from limitproof.history.meta import Meta
from limitproof.load.locust import Locust, LocustError, kill, started
from limitproof.load.plan import Job, Plan
from limitproof.load.sampler import Sampler, pattern_of
from limitproof.servers.handle import Server

TICK = 0.02  # seconds between two looks at what Locust says
TELL_EVERY = 0.25  # seconds between two signs of life
SAMPLE_EVERY = 0.1  # seconds between two samples of the keys, at least
DUTY = 0.2  # the part of its time that sampling may take
START_SECONDS = 30.0  # Locust must have begun by then


@dataclass(frozen=True, slots=True)
class StageStarted:
    """A stage of a job begins at `start` (ns since the epoch) and lasts about `seconds`."""

    job: str
    order: int
    start: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Recorded:
    """All of a job is on record; `history.meta.interrupted` says why when it is not all.

    `records` is the folder of the files that the history was made from: they are all that is
    left of the job until the history is saved.
    """

    job: str
    history: History
    records: Path


@dataclass(frozen=True, slots=True)
class Waiting:
    """Nothing has happened for a while."""


LoadEvent = StageStarted | Recorded | Waiting


@dataclass(frozen=True, slots=True)
class Task:
    """A job, and what its history is to say of itself."""

    job: Job
    meta: Meta


def watch_after(meta: Meta) -> float:
    """Seconds that keys are watched after a job's last request: for `expiry` alone, so that where
    that is not among the checks nobody waits."""
    watched = not meta.checks or "expiry" in meta.checks
    return max(2 * meta.window, meta.window + 2.0) + 0.5 if watched else 0.0


def drive(
    tasks: Sequence[Task],
    server: Server,
    folder: Path,
    *,
    processes: int,
    clients: int,
    seed: int,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[LoadEvent]:
    """Run jobs one after the other with `processes` × `clients` clients; records go to `folder`.

    Ends early when `stop()` turns true or Redis goes away: what was recorded by then is handed
    out, marked as interrupted. When a job makes Locust fail (it hangs, or kills its process), the
    jobs after it get a Locust of their own. Raises LocustError when Locust does not start.
    """
    waiting = list(tasks)
    round_ = 0
    with server.client() as connection:
        while waiting:
            batch = folder / f"records-{round_}"
            for task in waiting:
                own = batch / task.job.name
                own.mkdir(parents=True)
                records.write_meta(own, task.meta)
            plan = Plan(
                server.url, str(batch), seed, processes, clients, tuple(t.job for t in waiting)
            )
            with started(plan) as locust:
                follower = _Follower(
                    waiting, locust, server, Sampler(connection, ours=server.spawned), stop
                )
                yield from follower.follow()
            waiting = waiting[follower.finished :]
            round_ += 1
            if follower.over:
                return


class _Follower:
    """Follows one Locust through its jobs."""

    def __init__(
        self,
        tasks: Sequence[Task],
        locust: Locust,
        server: Server,
        sampler: Sampler,
        stop: Callable[[], bool],
    ) -> None:
        self.finished = 0  # jobs whose history has been handed out
        self.over = False  # nothing more can be run after this
        self._tasks, self._locust, self._server = tasks, locust, server
        self._sampler, self._stop = sampler, stop
        self._places = {task.job.name: place for place, task in enumerate(tasks)}
        self._current = -1
        self._ended: dict[int, float] = {}  # job → when its load was over
        self._next_sample = 0.0

    def follow(self) -> Iterator[LoadEvent]:
        begun = told = time.monotonic()
        why = ""
        done = False
        while not why:
            running = self._locust.running  # looked at first: it may speak and end in between
            for event in self._locust.said():
                match event["event"]:
                    case "job":
                        self._move_to(self._places[event["job"]])
                    case "stage":
                        self._move_to(self._places[event["job"]])
                        yield StageStarted(
                            event["job"], event["order"], event["start"], event["seconds"]
                        )
                    case "trouble":
                        why = event["why"]
                    case "done":
                        done = True
                        self._move_to(len(self._tasks))
            why = why or self._trouble(begun, running=running, done=done)
            why = self._sample() or why
            yield from self._hand_out_watched()
            if self.finished == len(self._tasks):
                kill(self._locust.process)  # all is on record; its own end takes another second
                return
            if time.monotonic() - told > TELL_EVERY:
                told = time.monotonic()
                yield Waiting()
            time.sleep(TICK)
        if not self.over and not self._server.alive():  # the clients may notice before us
            self.over = True
            why = f"Redis went away: {why}"
        yield from self._give_up(why)

    def _move_to(self, place: int) -> None:
        if place != self._current:
            if self._current >= 0:
                self._ended[self._current] = time.monotonic()
            self._current = place

    def _trouble(self, begun: float, *, running: bool, done: bool) -> str:
        if self._stop():
            self.over = True
            return "stopped by Ctrl-C"
        if not running and not done:
            if self._current < 0:
                raise LocustError(f"Locust did not start: {self._locust.last_words()}")
            return f"Locust ended early: {self._locust.last_words()}"
        if self._current < 0 and time.monotonic() - begun > START_SECONDS:
            raise LocustError(f"Locust did not begin within {START_SECONDS:g} s")
        return ""

    def _sample(self) -> str:
        now = time.monotonic()
        if now < self._next_sample:
            return ""
        places = [*range(self.finished, min(self._current + 1, len(self._tasks)))]
        prefixes = [self._tasks[place].job.prefix for place in places]
        try:
            took = self._sampler.sample(prefixes, time.time_ns())
        except redis.RedisError as error:
            if self._server.alive():
                self._next_sample = now + 1.0
                return ""
            self.over = True
            return f"Redis went away: {' '.join(str(error).split())}"
        self._next_sample = now + max(SAMPLE_EVERY, took / DUTY)
        return ""

    def _hand_out_watched(self) -> Iterator[LoadEvent]:
        while self.finished in self._ended:
            meta = self._tasks[self.finished].meta
            if time.monotonic() - self._ended[self.finished] < watch_after(meta):
                return
            yield self._recorded("")

    def _give_up(self, why: str) -> Iterator[LoadEvent]:
        """Locust must not write any more; then hand out what there is."""
        kill(self._locust.process)
        time.sleep(0.05)  # its workers get their parent-death signal
        while self.finished < min(self._current, len(self._tasks)):
            yield self._recorded(why if self.over else "")
        if self._current < len(self._tasks):
            yield self._recorded(why)

    def _recorded(self, why: str) -> Recorded:
        task = self._tasks[self.finished]
        self.finished += 1
        meta = replace(task.meta, interrupted=why)
        folder = self._locust.folder / task.job.name
        left = records.read(folder)
        state = self._sampler.series(task.job.prefix)
        self._sampler.forget(task.job.prefix)
        return Recorded(task.job.name, records.assemble(left, meta, state), folder)


def clean_up(server: Server, prefix: str) -> None:
    """Remove what the jobs under `prefix` left on a server that is not ours, if it is still there.

    Only keys that hold the prefix: what a limiter keeps under names of its own stays.
    """
    if server.spawned:
        return
    with server.client() as client, suppress(redis.RedisError):
        for key in client.scan_iter(match=pattern_of(prefix), count=1000):
            client.unlink(key)
