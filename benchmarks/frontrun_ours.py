"""What frontrun is measured by, done by us: the same limiters, the same figures."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from dataclasses import dataclass
from statistics import median
from tempfile import TemporaryDirectory
from unittest.mock import patch

from benchmarks.frontrun_table import OURS, Row, Subject
from limiters.contract import Quota
from limiters.registry import resolve
from limitproof.history.outcome import Outcome
from limitproof.schedules import Answers
from limitproof.simulate.cast import Cast
from limitproof.simulate.explore import explore
from limitproof.simulate.opening import open_world
from limitproof.simulate.recall import Recall
from limitproof.simulate.resp import pack, parse, unpack
from limitproof.simulate.search.dpor import Dpor
from limitproof.simulate.snapshot import CLEAR
from limitproof.simulate.trace import Choose, Trace
from limitproof.simulate.wire import exchange
from limitproof.simulate.world import World

NAME = "client-"
COMPLETE_SECONDS = 20.0  # of a complete search, at the most


@dataclass(frozen=True, slots=True)
class Whole:
    """What the complete search says: all numbers of admitted requests, how many schedules it
    stands for, in how many seconds (start of Redis included); `doubt` when it is not complete."""

    admitted: frozenset[int]
    schedules: int
    seconds: float
    doubt: str


def cast_of(subject: Subject) -> Cast:
    """Its clients, in our world."""
    return Cast(
        resolve(subject.target), Quota(subject.limit, 1.0), subject.clients,
        granularity=subject.granularity,
    )  # fmt: skip


def admitted(answers: Answers) -> int:
    """How many requests were admitted."""
    return sum(one is Outcome.ADMITTED for client in answers for one in client)


class Walker:
    """Runs schedules at random, each from an empty server to its end, as our random walks do.

    afresh: every client goes through redis-py again in every run, as with frontrun; else it sends
    what it is known to send. No state of the server is kept, one way or the other.
    """

    def __init__(self, subject: Subject, *, afresh: bool = False) -> None:
        self._subject, self._afresh = subject, afresh
        self._source = random.Random(1)
        self._name = f"{OURS}, {'afresh' if afresh else f'by {subject.granularity}'}"
        self.walks: list[Row] = []

    def walk(self, seconds: float) -> None:
        """Go on for so many seconds, in a world of its own; it is added to `walks`."""
        ends: set[int] = set()
        runs, first = 0, None
        with open_world(cast_of(self._subject)) as world, Recall(world) as recall:
            run = world.trace if self._afresh else recall.trace
            worked = time.process_time() + served(world)
            begun = time.perf_counter()
            while (spent := time.perf_counter() - begun) < seconds:
                count = admitted(run(self._source.choice).answers)
                runs += 1
                ends.add(count)
                if first is None and count > self._subject.limit:
                    first = time.perf_counter() - begun
            work = time.process_time() + served(world) - worked
        self.walks.append(Row(self._name, runs / spent, runs / work, first, None, frozenset(ends)))

    def row(self) -> Row:
        """All walks as one, the median of their rates; the first violation is that of the first
        walk, timed once more as a user sees it."""
        first = self.walks[0].first
        return Row(
            self._name,
            median([walk.rate for walk in self.walks if walk.rate]),
            median([walk.work for walk in self.walks if walk.work]),
            first,
            None if first is None else command(self._subject),
            frozenset().union(*(walk.admitted for walk in self.walks)),
        )


def systematic(subject: Subject, seconds: float) -> Row:
    """Search without states, as frontrun's DPOR does: one run for each order of dependent steps."""
    ends: set[int] = set()
    first: list[float] = []
    with open_world(cast_of(subject)) as world:
        run = Recall.trace
        worked = time.process_time() + served(world)
        begun = time.perf_counter()

        def watched(recall: Recall, choose: Choose) -> Trace:
            trace = run(recall, choose)
            count = admitted(trace.answers)
            ends.add(count)
            if count > subject.limit and not first:
                first.append(time.perf_counter() - begun)
            return trace

        with patch.object(Recall, "trace", watched):
            coverage = Dpor().search(world, subject.limit, seconds, lambda _: None)
        spent = time.perf_counter() - begun
        work = time.process_time() + served(world) - worked
    return Row(
        f"{OURS}, DPOR", coverage.schedules / spent, coverage.schedules / work,
        first[0] if first else None, None, frozenset(ends), coverage.complete,
    )  # fmt: skip


def served(world: World) -> float:
    """Seconds of processor time that the world's Redis has used."""
    (told,) = parse(world.send(pack("INFO", "cpu"), 1))
    fields = dict(line.split(b":") for line in told.splitlines() if b":" in line)
    return float(fields[b"used_cpu_user"]) + float(fields[b"used_cpu_sys"])


def complete(subject: Subject) -> Whole:
    """Every interleaving."""
    found = explore(cast_of(subject), COMPLETE_SECONDS, lambda _: None)
    ends = frozenset(map(admitted, found.coverage.outcomes))
    doubt = "" if found.coverage.complete else found.doubt or found.coverage.sentence
    return Whole(ends, found.coverage.schedules, found.seconds, doubt)


def command(subject: Subject) -> float:
    """Seconds of the whole of `limitproof explore`, which shows a violation at its end."""
    with TemporaryDirectory(prefix="limitproof-bench-") as folder:
        words = (
            sys.executable, "-m", "limitproof", "explore", subject.target,
            "--clients", str(subject.clients), "--limit", str(subject.limit),
            "--granularity", subject.granularity, "--results", folder, "--quiet",
        )  # fmt: skip
        begun = time.perf_counter()
        done = subprocess.run(words, capture_output=True, check=False)
        spent = time.perf_counter() - begun
    if done.returncode != 1:
        raise RuntimeError(f"{' '.join(words)}: exit code {done.returncode}, no violation")
    return spent


def order(subject: Subject, runs: int) -> tuple[int, int]:
    """(runs whose steps are in the order of the server's own log, runs), choices at random."""
    source = random.Random(2)
    with open_world(cast_of(subject)) as world:
        name_clients(world)
        world.send(pack("CONFIG", "SET", "slowlog-log-slower-than", "0"), 1)
        same = 0
        for _ in range(runs):
            world.send(pack("SLOWLOG", "RESET"), 1)
            run = world.run(source.choice)
            told = [step.client for step in run.steps for _ in step.commands]
            same += told == server_log(world)
    return same, runs


def name_clients(world: World) -> None:
    """Give each client's connection a name that the server's log shows."""
    world.trace(lambda enabled: enabled[0])  # they are connected from now on
    for seat in world.seats:
        assert seat.wire is not None
        exchange(seat.wire.real, pack("CLIENT", "SETNAME", f"{NAME}{seat.number}"), 1)


def server_log(world: World) -> list[int]:
    """The client of each command in the server's own log (SLOWLOG of everything), oldest first.

    But for the script that empties the server, which travels with a run's first command.
    """
    (entries,) = parse(world.send(pack("SLOWLOG", "GET", "-1"), 1))
    logged = [entry for entry in reversed(entries) if (tuple(entry[3]),) != unpack(CLEAR)]
    names = [entry[-1].decode() for entry in logged]
    return [int(name.removeprefix(NAME)) for name in names if name.startswith(NAME)]
