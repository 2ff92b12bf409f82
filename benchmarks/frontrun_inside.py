"""What runs inside frontrun's own environment: one exploration of one limiter, told as JSON.

    python -m benchmarks.frontrun_inside '{"measure": "search", ...}'

Imports frontrun, redis-py and limiters/, nothing of limitproof. The limiters are our files as they
are. What helps frontrun is done for it: clients are connected before a search begins and keep
their connections, they share no Python object that a search would have to watch, the clock that a
limiter is given stands still, and no counterexample is replayed.
"""

from __future__ import annotations

import importlib
import json
import mmap
import os
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import redis

from limiters.contract import Quota

KEY, NAME = "k", "client-"
WINDOW = 3600.0  # seconds: its server's clock is real, so nothing may expire
INSTANT = 1_700_000_000.0
LEAST = 5  # schedules that a rate is told of
ANSWERED = {False: 1, True: 2}  # 0: no answer
SLOT = struct.Struct("=qd")  # of a client process on the board: its answer, its processor time

CONFIGURATIONS: Mapping[str, Mapping[str, Any]] = {
    "threads": {"preemption_bound": 2},
    "threads, stride": {"preemption_bound": None, "search": "stride"},
    "random": {"strategy": "random", "max_attempts": 1_000_000_000, "seed": 1},
    "processes": {"preemption_bound": None, "reuse_workers": True},
}
"""How frontrun is told to search: as by default, completely, at random, a process a client.

Of its orders of search, stride found violations soonest. detect_io=False is faster, but blind to
Redis: it says pass of a ZCARD-then-ZADD limiter after one schedule.
"""

_process: list[Any] = []  # a client process keeps its client between two schedules


class Client:
    """One client, connected; a new limiter for each schedule."""

    def __init__(self, told: Mapping[str, Any], number: int) -> None:
        module, _, factory = told["target"].partition(":")
        self._factory = getattr(importlib.import_module(module), factory)
        self._quota = Quota(told["limit"], WINDOW)
        self._redis = redis.Redis(
            unix_socket_path=told["url"].removeprefix("unix://"),
            client_name=f"{NAME}{number}",
            single_connection_client=True,
        )
        self.begin()

    def begin(self) -> None:
        """As new."""
        self._limiter = self._factory(self._redis, self._quota, lambda: INSTANT)
        self.allowed: bool | None = None

    def ask(self) -> None:
        """Make a request and keep the answer."""
        self.allowed = self._limiter.acquire(KEY).allowed


def one_request(text: str, number: int, board: str) -> None:
    """What a client process does in one schedule; its answer is written on the board, a file."""
    if not _process:
        with Path(board).open("r+b") as file:
            _process.extend((Client(json.loads(text), number), mmap.mmap(file.fileno(), 0)))
    client, mapped = _process
    client.begin()
    client.ask()
    SLOT.pack_into(mapped, number * SLOT.size, ANSWERED[client.allowed], time.process_time())


class Watch:
    """Writes down when each schedule ended, and how many it admitted.

    elsewhere: seconds of processor time of the client processes; server: those of Redis.
    """

    def __init__(
        self, told: Mapping[str, Any], server: Callable[[], float], elsewhere: Callable[[], float]
    ) -> None:
        self._limit: int = told["limit"]
        self._honest = told["configuration"] != "random"  # which cannot go on after a violation
        self._server, self._elsewhere = server, elsewhere
        self._begun = time.perf_counter()
        self._served = 0.0
        self.ended: list[float] = []
        self.spent: list[float] = []
        self.admitted: set[int] = set()
        self.first: float | None = None
        self.first_at: float | None = None

    def holds(self, admitted: int) -> bool:
        """The invariant."""
        self.ended.append(time.perf_counter() - self._begun)
        self.spent.append(time.process_time() + self._elsewhere())
        if len(self.ended) == 1:
            self._served = self._server()
        self.admitted.add(admitted)
        over = admitted > self._limit
        if over and self.first is None:
            self.first, self.first_at = self.ended[-1], time.time()
        return not (over and self._honest)

    def rates(self) -> tuple[float | None, float | None]:
        """Schedules a second, and a second of processor time, Redis's too, between the first one
        and the last: its start is not counted. To be called at the end."""
        if len(self.ended) < LEAST:
            return None, None
        runs = len(self.ended) - 1
        work = self.spent[-1] - self.spent[0] + self._server() - self._served
        return runs / (self.ended[-1] - self.ended[0]), runs / work


def explored(told: Mapping[str, Any], control: redis.Redis, *, stop: bool) -> tuple[Watch, Any]:
    """One exploration and frontrun's own result."""
    frontrun: Any = importlib.import_module("frontrun")
    options = dict(CONFIGURATIONS[told["configuration"]], total_timeout=told["seconds"])
    _empty(control)
    Client(told, told["clients"]).ask()  # its scripts are known to the server, as in production
    if "strategy" not in options:
        options["stop_on_first"] = stop
    if "reuse_workers" in options:
        return _in_processes(frontrun, options, told, control)
    return _in_threads(frontrun, options, told, control)


def _in_threads(
    frontrun: Any, options: dict[str, Any], told: Mapping[str, Any], control: redis.Redis
) -> tuple[Watch, Any]:
    clients = [Client(told, number) for number in range(told["clients"])]
    watch = Watch(told, lambda: _served(control), lambda: 0.0)

    def setup() -> list[Client]:
        _empty(control)
        for client in clients:
            client.begin()
        return clients

    result = frontrun.explore(
        setup=setup,
        workers=[lambda _, client=client: client.ask() for client in clients],
        invariant=lambda _: watch.holds(sum(bool(client.allowed) for client in clients)),
        reproduce_on_failure=0,
        **options,
    )
    return watch, result


def _in_processes(
    frontrun: Any, options: dict[str, Any], told: Mapping[str, Any], control: redis.Redis
) -> tuple[Watch, Any]:
    count = told["clients"]
    with tempfile.NamedTemporaryFile(prefix="limitproof-board-") as file:
        file.write(bytes(count * SLOT.size))
        file.flush()
        board = mmap.mmap(file.fileno(), 0)

        def slots() -> list[tuple[int, float]]:
            return list(SLOT.iter_unpack(board[:]))

        worker = f"{__spec__.name}:{one_request.__name__}" if __spec__ else ""
        text = json.dumps(told)
        watch = Watch(told, lambda: _served(control), lambda: sum(spent for _, spent in slots()))

        def setup() -> None:
            _empty(control)
            board[:] = bytes(len(board))

        result = frontrun.explore_processes(
            [frontrun.Subprocess(worker, (text, number, file.name)) for number in range(count)],
            setup=setup,
            invariant=lambda _: watch.holds(sum(answer == ANSWERED[True] for answer, _ in slots())),
            **options,
        )
    return watch, result


def search(told: Mapping[str, Any], control: redis.Redis) -> dict[str, Any]:
    """Search until the seconds are over, or all is explored: how fast, what was found."""
    begun = time.perf_counter()
    watch, result = explored(told, control, stop=False)
    rate, work = watch.rates()
    return {
        "runs": len(watch.ended),
        "rate": rate,
        "work": work,
        "admitted": sorted(watch.admitted),
        "first": watch.first,
        "first_at": watch.first_at,
        "ended": time.perf_counter() - begun < told["seconds"],
        "trouble": _trouble(result),
    }


def _trouble(result: Any) -> str:
    """Why its search was no search, "" when it was one."""
    kind = getattr(result, "failure_kind", None)
    doubt = getattr(result, "inconclusive_reason", None)
    return str(doubt or ("" if kind in (None, "invariant") else result.failure))


def verdicts(told: Mapping[str, Any], control: redis.Redis) -> list[dict[str, Any]]:
    """Explore several times as a user does, up to the first violation: verdict, what is printed,
    and the clients in the order in which the server ran the commands of the last schedule."""

    told_back = []
    for _ in range(told["rounds"]):
        begun = time.perf_counter()
        _, result = explored(told, control, stop=True)
        threads = hasattr(result, "property_holds")
        told_back.append(
            {
                "holds": result.property_holds if threads else result.ok,
                "printed": result.explanation if threads else result.accesses,
                "server": server_log(control),
                "ended": time.perf_counter() - begun < told["seconds"],
            }
        )
    return told_back


def _empty(control: redis.Redis) -> None:
    control.flushall()
    control.slowlog_reset()


def _served(control: redis.Redis) -> float:
    """Seconds of processor time that Redis has used."""
    told: Any = control.info("cpu")
    return float(told["used_cpu_user"] + told["used_cpu_sys"])


def server_log(control: redis.Redis) -> list[int]:
    """The client of each command in the server's own log (SLOWLOG of everything), oldest first."""
    entries: Any = control.slowlog_get(-1)
    names = [entry["client_name"].decode() for entry in reversed(entries)]
    return [int(name.removeprefix(NAME)) for name in names if name.startswith(NAME)]


def main(text: str) -> None:
    """Do what is told, and print the result as one line of JSON."""
    told = json.loads(text)
    control = redis.Redis(unix_socket_path=told["url"].removeprefix("unix://"))
    measure = {"search": search, "verdicts": verdicts}[told["measure"]]
    print(json.dumps(measure(told, control)), flush=True)
    sys.stdout.flush()
    os._exit(0)  # whatever frontrun has left running is no concern of the next measure


if __name__ == "__main__":
    main(sys.argv[1])
