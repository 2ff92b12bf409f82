"""What the clients of a load process share: numbers, connections, recorders, a clock."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import redis

from limiters.contract import Decision, Quota
from limitproof.history import records
from limitproof.history.columns import History, Key
from limitproof.history.meta import Meta
from limitproof.history.outcome import Outcome
from limitproof.history.recorder import Recorder
from limitproof.load.plan import Job, Part, Plan, Stage
from limitproof.load.session import CONSTRUCTION, Session, adhoc_plan, server_clock
from limitproof.saved import find_histories
from limitproof.servers.handle import Server
from limitproof.servers.spawn import spawned
from scenarios.catalogue import scenario
from tests.history.samples import META
from tests.load.specimens import Asynchronous, Unmakeable, target

KEY = Key("scenario/key", "scenario")
STAGES = (Stage((Part(scenario("sustained"), 0, 4),)),)


Open = Callable[..., Session]


@pytest.fixture
def session(server: Server, tmp_path: Path) -> Iterator[Open]:
    """Opens process 1 of 2, with a job for each target; ended when the test ends."""
    opened: list[Session] = []

    def open_(*targets: str, record: bool = True, url: str = server.url) -> Session:
        jobs = tuple(
            Job(f"job-{n}", named, Quota(2, 60.0), f"p{n}:", STAGES, record)
            for n, named in enumerate(targets)
        )
        opened.append(Session(Plan(url, str(tmp_path), 7, 2, 2, jobs), lambda: 1))
        return opened[-1]

    yield open_
    for each in opened:
        each.begun(len(each.plan.jobs))


def recorded(folder: Path) -> History:
    return records.assemble(records.read(folder), META)


def test_neighbours_in_number_are_in_different_processes(session: Open) -> None:
    mine = session("lua_atomic")
    assert [mine.next_client() for _ in range(3)] == [1, 3, 5]


def test_a_client_asks_on_a_connection_of_its_own(
    session: Open, client: redis.Redis, tmp_path: Path
) -> None:
    mine = session("lua_atomic")
    before = len(client.client_list())
    with mine.client(0, 1) as one, mine.client(0, 3) as two:
        assert one is not None
        assert two is not None
        assert len(client.client_list()) == before + 2
        told = [each.acquire(KEY) for each in (one, two, one)]
    assert told == [Outcome.ADMITTED, Outcome.ADMITTED, Outcome.REJECTED]
    assert len(client.client_list()) == before
    assert all(key.startswith(b"p0:scenario/key") for key in client.scan_iter())
    operations = recorded(tmp_path / "job-0").operations
    assert operations.client.tolist() == [1, 3, 1]
    assert set(operations.process.tolist()) == {1}
    assert operations.outcome.tolist() == told


def test_an_async_limiter_is_a_client_like_any_other(session: Open, client: redis.Redis) -> None:
    mine = session(target(Asynchronous))
    before = len(client.client_list())
    with mine.client(0, 1) as one:
        assert one is not None
        assert one.limiter.acquire("key") == Decision(True, 1)
        assert [one.acquire(KEY) for _ in range(3)] == [2, 2, 3]
    assert len(client.client_list()) == before


@pytest.mark.parametrize(
    ("named", "told"),
    [
        (target(Unmakeable), "ValueError: a limit of 2 is not for me"),
        ("no_such_limiter", "TargetError: no limiter is named 'no_such_limiter'"),
        ("nowhere/at_all.py:factory", "TargetError: there is no file"),
    ],
    ids=["raises", "unknown", "no file"],
)
def test_a_limiter_that_cannot_be_made_is_on_record(
    session: Open, tmp_path: Path, named: str, told: str
) -> None:
    mine = session(named)
    with mine.client(0, 1) as none:
        assert none is None
    history = recorded(tmp_path / "job-0")
    assert history.keys == (CONSTRUCTION,)
    assert history.operations.outcome.tolist() == [Outcome.ERROR]
    (error,) = history.errors
    assert error.startswith(f"the limiter could not be made: {told}")
    assert "\n" not in error


def test_without_a_server_nobody_knows_whether_it_was_made(session: Open, tmp_path: Path) -> None:
    with spawned() as gone:
        mine = session("lua_atomic", url=gone.url)
    with mine.client(0, 1) as none:
        assert none is None
    assert recorded(tmp_path / "job-0").operations.outcome.tolist() == [Outcome.UNKNOWN]


@pytest.mark.usefixtures("client")  # an empty server
def test_a_record_ends_when_a_later_job_has_begun(
    session: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[Recorder] = []
    close = Recorder.close

    def noted(self: Recorder) -> None:
        closed.append(self)
        close(self)

    monkeypatch.setattr(Recorder, "close", noted)
    mine = session(*["lua_atomic"] * 3)
    mine.next_client()
    for place in range(3):
        with mine.client(place, 1) as one:
            mine.begun(place)
            assert len(closed) == place
            assert one is not None
            one.acquire(KEY)
    for place in range(3):
        assert len(recorded(tmp_path / f"job-{place}").operations) == 1


def test_a_job_may_be_done_without_a_record(
    session: Open, client: redis.Redis, tmp_path: Path
) -> None:
    mine = session("lua_atomic", record=False)
    with mine.client(0, 1) as one:
        assert one is not None
        assert one.acquire(KEY) is Outcome.ADMITTED
    assert client.dbsize() == 1
    assert list(tmp_path.iterdir()) == []


def test_the_clock_of_a_server_on_this_machine_is_ours(server: Server) -> None:
    clock = server_clock(server.url)
    assert 0 < clock["server_error"] < 5
    assert abs(clock["server_offset"]) <= clock["server_error"] + 1e-6


def test_a_record_tells_how_far_the_clock_of_the_server_is(session: Open, tmp_path: Path) -> None:
    mine = session("lua_atomic")
    mine.next_client()
    with mine.client(0, 1):
        (record,) = records.read(tmp_path / "job-0")
    assert record.header["process"] == 1
    assert {"boot", "anchor", "server_offset", "server_error"} <= set(record.header)


def test_a_test_started_by_hand_leaves_a_record_that_can_be_judged(tmp_path: Path) -> None:
    plan = adhoc_plan(
        url="url", target="fixed_window", quota=Quota(3, 2.0), keys=50, seed=9,
        folder=str(tmp_path),
    )  # fmt: skip
    (job,) = plan.jobs
    (part,) = job.stages[0].parts
    assert (part.scenario.keys.count, part.scenario.duration) == (50, 1e9)
    assert (job.target, job.quota, job.record, plan.seed) == (
        "fixed_window",
        Quota(3, 2.0),
        True,
        9,
    )
    own = tmp_path / job.name
    meta = Meta.from_json(json.loads((own / records.META).read_text()))
    assert (meta.limiter, meta.limit, meta.window, meta.seed) == ("fixed_window", 3, 2.0, 9)
    assert meta.promise["kind"] == "fixed"
    with Recorder(own, 0) as recorder:
        recorder.answered(recorder.invoked(0, KEY, 1), Outcome.ADMITTED)
    (history,) = find_histories(tmp_path)
    assert history.meta == replace(meta, interrupted=history.meta.interrupted)
    assert len(history.operations) == 1


def test_a_test_started_by_hand_need_not_leave_anything(tmp_path: Path) -> None:
    plan = adhoc_plan(
        url="url", target="lua_atomic", quota=Quota(3, 2.0), keys=1, seed=0, folder=None
    )
    assert not plan.jobs[0].record
    assert list(tmp_path.iterdir()) == []


def test_a_number_of_keys_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="keys must be at least 1, not 0"):
        adhoc_plan(url="", target="lua_atomic", quota=Quota(1, 1.0), keys=0, seed=0, folder=None)
