"""The records of several processes, and of several machines, become one history."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

from limitproof.history import recorder as recording
from limitproof.history import records
from limitproof.history.columns import Key, StateSeries
from limitproof.history.outcome import Outcome
from limitproof.history.recorder import Recorder
from tests.history.samples import META, Ticking

KEY = Key("scenario/hot", "scenario", 2)
MS = 1_000_000


@pytest.fixture
def clock() -> Ticking:
    return Ticking()


def machine(name: str, offset: float, error: float) -> dict[str, Any]:
    """What a process knows of its clock: whose it is, and how far ahead the server's is."""
    return {"boot": name, "server_offset": offset, "server_error": error}


def record(folder: Path, process: int, clock: Ticking, about: dict[str, Any]) -> int:
    """One process records one operation and ends; when, in ns of its own clock."""
    with patch.object(recording, "time", clock), Recorder(folder, process, about) as recorder:
        recorder.answered(recorder.invoked(process, KEY, 1), Outcome.ADMITTED)
        return clock.now - 10 + clock.EPOCH + clock.step


def test_processes_of_one_machine_share_its_clock(tmp_path: Path, clock: Ticking) -> None:
    """What each of them measured of the server's clock would only make them differ."""
    begun = []
    for process, offset in enumerate((0.25, -0.5, 0.0)):
        begun.append(record(tmp_path, process, clock, machine("one", offset, 0.01)))
    history = records.assemble(records.read(tmp_path), META)
    assert history.operations.invocation.tolist() == begun
    assert history.operations.process.tolist() == [0, 1, 2]
    assert history.meta.clock_error == 0.0


def test_the_time_of_day_may_be_set_between_two_processes(tmp_path: Path, clock: Ticking) -> None:
    first = record(tmp_path, 0, clock, machine("one", 0.0, 0.0))
    clock.step = -3600 * 1000 * MS
    second = record(tmp_path, 1, clock, machine("one", 0.0, 0.0)) - clock.step
    history = records.assemble(records.read(tmp_path), META)
    assert history.operations.invocation.tolist() == [first, second]


def test_several_machines_meet_on_the_clock_of_the_server(tmp_path: Path, clock: Ticking) -> None:
    """One machine is 250 ms behind the server, the other, whose turn is later, 500 ms ahead."""
    behind = record(tmp_path, 0, clock, machine("one", 0.250, 0.001))
    ahead = record(tmp_path, 1, clock, machine("other", -0.500, 0.004))
    history = records.assemble(records.read(tmp_path), META)
    assert history.operations.process.tolist() == [1, 0]  # by the server's clock
    assert history.operations.invocation.tolist() == [ahead - 500 * MS, behind + 250 * MS]
    assert history.operations.response.tolist() == [ahead - 500 * MS + 10, behind + 250 * MS + 10]
    assert history.operations.intended.tolist() == history.operations.invocation.tolist()
    assert history.meta.clock_error == 0.004


def test_processes_of_one_machine_stay_together_among_several(
    tmp_path: Path, clock: Ticking
) -> None:
    """Their clocks are one, so that the better of their two measurements holds for both."""
    rough = record(tmp_path, 0, clock, machine("one", 0.258, 0.009))
    fine = record(tmp_path, 1, clock, machine("one", 0.250, 0.001))
    record(tmp_path, 2, clock, machine("other", 9.0, 0.004))
    history = records.assemble(records.read(tmp_path), META)
    assert history.operations.process.tolist() == [0, 1, 2]
    assert history.operations.invocation.tolist()[:2] == [rough + 250 * MS, fine + 250 * MS]
    assert history.meta.clock_error == 0.004


def test_a_machine_that_measured_nothing_is_taken_at_its_word(
    tmp_path: Path, clock: Ticking
) -> None:
    begun = [record(tmp_path, n, clock, {"boot": f"machine-{n}"}) for n in range(2)]
    history = records.assemble(records.read(tmp_path), META)
    assert history.operations.invocation.tolist() == begun


def test_a_key_of_several_processes_is_one_key(tmp_path: Path) -> None:
    other = Key("scenario/cold", "scenario", 1)
    with Recorder(tmp_path, 0) as one, Recorder(tmp_path, 1) as two:
        for recorder, key in ((one, KEY), (two, other), (two, KEY), (one, other)):
            recorder.answered(recorder.invoked(0, key, 1), Outcome.ADMITTED)
    history = records.assemble(records.read(tmp_path), META)
    assert sorted(history.keys, key=lambda key: key.name) == [other, KEY]
    named = [history.keys[number] for number in history.operations.key]
    assert named == [KEY, other, KEY, other]


def test_nothing_recorded_is_an_empty_history(tmp_path: Path) -> None:
    state = StateSeries(instants=np.array([1, 2], np.int64))
    for folder in (tmp_path, tmp_path / "never made"):
        history = records.assemble(records.read(folder), META, state)
        assert len(history.operations) == 0
        assert (history.keys, history.errors, history.meta) == ((), (), META)
        assert history.state is state


def test_why_a_run_ended_early_is_not_forgotten(tmp_path: Path) -> None:
    Recorder(tmp_path, 0).close()
    meta = replace(META, interrupted="stopped by Ctrl-C", clock_error=0.5)
    history = records.assemble(records.read(tmp_path), meta)
    assert history.meta == meta


def test_who_gave_up_may_have_been_admitted_later(tmp_path: Path, clock: Ticking) -> None:
    """A server that stood still for longer than the client waited obeys when it goes on."""
    with patch.object(recording, "time", clock), Recorder(tmp_path, 0) as recorder:
        recorder.answered(recorder.invoked(0, KEY, 1), Outcome.UNKNOWN)
        recorder.answered(recorder.invoked(1, KEY, 1), Outcome.REJECTED)
    lost, refused = records.assemble(records.read(tmp_path), META).operations.response.tolist()
    assert lost == refused
