"""Real load through Locust on the embedded server, and everything that can end it early.

What is asserted is certain on any machine; only bounds are in seconds.
"""

from __future__ import annotations

import functools
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from limiters.contract import Quota
from limitproof.history import records
from limitproof.history.columns import History
from limitproof.history.meta import NANOSECONDS
from limitproof.history.outcome import Outcome
from limitproof.load import engine
from limitproof.load.engine import LoadEvent, Recorded, StageStarted, Task, Waiting, drive
from limitproof.load.locust import LocustError, started
from limitproof.load.plan import Job, Stage, stage_scenarios
from limitproof.saved import find_histories
from limitproof.servers.handle import Server
from limitproof.servers.spawn import spawned
from scenarios.catalogue import CONTROLS, scenario
from scenarios.model import Herd, Scenario
from tests.history.samples import META
from tests.load.processes import all_gone, load_processes, wait_until, workers
from tests.load.specimens import (
    Asynchronous,
    Hanging,
    HangingToMake,
    Raising,
    Spinning,
    Unmakeable,
    target,
)

pytestmark = [pytest.mark.load, pytest.mark.usefixtures("client")]  # on an empty server

LIMIT = 5
HERD = Scenario("herd", "four limits at once", (Herd(0.0, 4.0, 4),), ("overshoot",))
ENDLESS = scenario("sustained").stretched(1e6)
SHORT, LONG = 0.5, 30.0  # windows; no herd takes as long as the long one
AT_ONCE = Quota(LIMIT, LONG)


def task(
    name: str, limiter: str, *stages: Stage, quota: Quota = AT_ONCE, grace: float = 6.0
) -> Task:
    job = Job(name, limiter, quota, f"test:{name}:", stages, grace=grace)
    return Task(job, replace(META, limiter=name, target=limiter, limit=quota.limit))


def playing(*scenarios: Scenario) -> tuple[Stage, ...]:
    return stage_scenarios(scenarios, 4)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys are not watched for longer than it takes."""
    monkeypatch.setattr(engine, "watch_after", lambda _meta: 0.3)


Run = Callable[..., Iterator[LoadEvent]]


@pytest.fixture
def run(server: Server, tmp_path: Path) -> Iterator[Run]:
    """Drives tasks with two clients in each of two processes; no Locust is left after it."""

    def drive_(
        *tasks: Task, on: Server = server, **options: Callable[[], bool]
    ) -> Iterator[LoadEvent]:
        return drive(tasks, on, tmp_path, processes=2, clients=2, seed=1, **options)

    yield drive_
    assert all_gone(load_processes())


def histories(events: Iterator[LoadEvent]) -> dict[str, History]:
    return {event.job: event.history for event in events if isinstance(event, Recorded)}


def outcomes(history: History) -> set[Outcome]:
    return {Outcome(int(number)) for number in history.operations.outcome}


def admitted(history: History) -> int:
    return int(history.operations.having(Outcome.ADMITTED).sum())


def replies(history: History) -> int:
    return len(history.operations) - int(history.operations.having(Outcome.UNKNOWN).sum())


def answered(folder: Path, job: str) -> int:
    """How many answers of a job are on record so far."""
    return sum(
        int((record.slots["outcome"] != 0).sum())
        for own in folder.glob(f"records-*/{job}")
        for record in records.read(own)
    )


def test_several_limiters_through_several_processes(run: Run, tmp_path: Path) -> None:
    whole = (*playing(scenario("burst")), *playing(*CONTROLS))
    events = list(
        run(
            task("lua_atomic", "lua_atomic", *whole, quota=Quota(LIMIT, 0.5)),
            task("in_process", "in_process", *playing(HERD)),
            task("lua_herd", "lua_atomic", *playing(HERD)),
            task("async", target(Asynchronous), *playing(HERD)),
            task("raising", target(Raising), *playing(HERD)),
            task("unmakeable", target(Unmakeable), *playing(HERD)),
        )
    )
    found = histories(iter(events))
    assert list(found) == [
        "lua_atomic", "in_process", "lua_herd", "async", "raising", "unmakeable",
    ]  # fmt: skip
    assert {history.meta.interrupted for history in found.values()} == {""}
    stages = [event for event in events if isinstance(event, StageStarted)]
    assert [event.job for event in stages] == ["lua_atomic", *found]  # two stages, then one each
    for ascending in ([event.order for event in stages], [event.start for event in stages]):
        assert ascending == sorted(set(ascending))
    assert {type(event) for event in events} == {StageStarted, Recorded, Waiting}

    lua = found["lua_atomic"]
    assert outcomes(lua) <= {Outcome.ADMITTED, Outcome.REJECTED, Outcome.DROPPED}
    assert set(lua.operations.process.tolist()) == {0, 1}
    assert set(lua.operations.client.tolist()) == {0, 1, 2, 3}
    assert (lua.operations.process == lua.operations.client % 2).all()
    played = {key.scenario for key in lua.keys}
    assert played == {"burst", *(control.name for control in CONTROLS)}
    assert admitted(lua) >= LIMIT * 4
    assert len(lua.state) > 0
    begun = min(event.start for event in stages)
    assert int(lua.operations.invocation[0]) >= begun
    assert int(lua.operations.response.max()) < begun + 60 * NANOSECONDS
    pids = {path.stem.split("-")[1] for path in tmp_path.glob("records-0/lua_atomic/*.ops")}
    assert len(pids) == 2
    assert str(os.getpid()) not in pids

    # Each process has a log of its own, in which there is room for the limit.
    assert admitted(found["in_process"]) == 2 * LIMIT
    assert outcomes(found["in_process"]) == {Outcome.ADMITTED, Outcome.REJECTED}
    for name in ("lua_herd", "async"):
        assert len(found[name].operations) == 4 * LIMIT
        assert admitted(found[name]) == LIMIT
    assert outcomes(found["raising"]) == {Outcome.ERROR}
    (said,) = found["raising"].errors
    place = r"\(tests/load/specimens\.py:\d+\)"
    assert re.fullmatch(rf"UnspeakableError: its message raises RuntimeError {place}", said)
    assert outcomes(found["unmakeable"]) == {Outcome.ERROR}
    assert len(found["unmakeable"].operations) == 4  # one for each client


def test_a_job_that_ends_early_costs_no_other(run: Run, tmp_path: Path) -> None:
    """A worker is killed in one, the limiter of the next cannot be made in time."""
    found: dict[str, History] = {}
    kept = 0
    for event in run(
        task("first", "lua_atomic", *playing(HERD)),
        task("victim", "lua_atomic", *playing(ENDLESS)),
        task("unmade", target(HangingToMake), *playing(HERD), grace=0.5),
        task("next", "lua_atomic", *playing(HERD)),
    ):
        if isinstance(event, StageStarted) and event.job == "victim":
            assert wait_until(lambda: answered(tmp_path, "victim") > 100)
            kept = answered(tmp_path, "victim")
            workers()[0].kill()
        elif isinstance(event, Recorded):
            found[event.job] = event.history
    assert list(found) == ["first", "victim", "unmade", "next"]
    victim = found["victim"]
    assert victim.meta.interrupted == "a load process died or no longer answers"
    assert replies(victim) >= kept
    assert int(victim.operations.having(Outcome.UNKNOWN).sum()) <= 4  # one a client at most
    assert set(victim.operations.process.tolist()) == {0, 1}
    unmade = found["unmade"]
    assert unmade.meta.interrupted == "a client did not come back from the limiter in time"
    assert admitted(unmade) == 0
    for name in ("first", "next"):
        assert found[name].meta.interrupted == ""
        assert admitted(found[name]) == LIMIT


def test_a_server_that_is_killed_ends_the_run(run: Run, tmp_path: Path) -> None:
    found: dict[str, History] = {}
    running: list[psutil.Process] = []
    kept = 0
    with spawned() as server:
        for event in run(
            task("victim", "lua_atomic", *playing(ENDLESS)),
            task("next", "lua_atomic", *playing(HERD)),
            on=server,
        ):
            if isinstance(event, StageStarted):
                assert wait_until(lambda: answered(tmp_path, "victim") > 100)
                kept = answered(tmp_path, "victim")
                running = load_processes()
                assert server.pid is not None
                os.kill(server.pid, signal.SIGKILL)
            elif isinstance(event, Recorded):
                found[event.job] = event.history
    assert list(found) == ["victim"]
    assert found["victim"].meta.interrupted.startswith("Redis went away: ")
    assert "\n" not in found["victim"].meta.interrupted
    assert replies(found["victim"]) >= kept
    assert len(running) == 3
    assert all_gone(running)


def test_who_says_stop_gets_what_there_is(run: Run, tmp_path: Path) -> None:
    found = histories(
        run(
            task("victim", "lua_atomic", *playing(ENDLESS)),
            task("next", "lua_atomic", *playing(HERD)),
            stop=lambda: answered(tmp_path, "victim") > 100,
        )
    )
    assert list(found) == ["victim"]
    assert found["victim"].meta.interrupted == "stopped by Ctrl-C"
    assert len(found["victim"].operations) > 100


def test_who_walks_away_leaves_no_locust(run: Run) -> None:
    with closing(run(task("left", "lua_atomic", *playing(ENDLESS)))) as events:  # type: ignore[type-var]
        assert any(isinstance(event, StageStarted) for event in events)
        running = load_processes()
        assert len(running) == 3
    assert all_gone(running)


@pytest.mark.parametrize(
    ("limiter", "window", "why"),
    [
        (Hanging, SHORT, "a client did not come back from the limiter in time"),
        (Spinning, LONG, "a load process died or no longer answers"),
    ],
)
def test_a_limiter_that_never_answers_is_ended(
    run: Run, limiter: type, window: float, why: str
) -> None:
    """The herd may take a window and the grace; a process is given up after some 5 s."""
    bad = task("bad", target(limiter), *playing(HERD), quota=Quota(LIMIT, window), grace=3.0)
    (history,) = histories(run(bad)).values()
    assert history.meta.interrupted == why
    assert outcomes(history) == {Outcome.UNKNOWN}
    assert 1 <= len(history.operations) <= 4


def test_a_locust_that_does_not_start_says_why(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locustfile = tmp_path / "broken.py"
    locustfile.write_text("raise SystemExit('no load today')\n")
    monkeypatch.setattr(engine, "started", functools.partial(started, locustfile=locustfile))
    with pytest.raises(LocustError, match=r"Locust did not start: .*no load today"):
        list(run(task("never", "lua_atomic", *playing(HERD))))


DRIVE = """
import sys
from pathlib import Path
from limitproof.load.engine import StageStarted, drive
from limitproof.servers.spawn import spawned
from tests.load.test_engine import ENDLESS, playing, task

with spawned() as server:
    tasks = [task("victim", "lua_atomic", *playing(ENDLESS))]
    for event in drive(tasks, server, Path(sys.argv[1]), processes=2, clients=2, seed=1):
        if isinstance(event, StageStarted):
            print(server.pid, flush=True)
"""


def test_kill_minus_nine_leaves_no_process_but_the_record(tmp_path: Path) -> None:
    root = str(Path(__file__).parents[2])
    with subprocess.Popen(
        [sys.executable, "-c", DRIVE, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": root},
    ) as process:
        assert process.stdout is not None
        redis = psutil.Process(int(process.stdout.readline()))
        assert wait_until(lambda: answered(tmp_path, "victim") > 100)
        running = load_processes(process.pid)
        kept = answered(tmp_path, "victim")
        process.kill()
    assert len(running) == 3
    assert all_gone([redis, *running])
    (history,) = find_histories(tmp_path)
    assert history.meta.interrupted == "the run was killed before it could save its history"
    assert history.meta.limiter == "victim"
    assert replies(history) >= kept
