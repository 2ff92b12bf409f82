"""Whatever a run has left can be read again."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from limitproof.errors import BadInputError
from limitproof.explored import EXPLORED, save_explored
from limitproof.history import records
from limitproof.history.columns import History, Key, Operations
from limitproof.history.outcome import Outcome
from limitproof.history.recorder import Recorder
from limitproof.results import HISTORY as FILE
from limitproof.saved import find_histories, find_saved, save_history
from tests.explorations import explored
from tests.history.samples import META

HISTORY = History(META, Operations.of([1, 2, 3]), (Key("a", "s"),))
KILLED = "the run was killed before it could save its history"


def record(folder: Path, operations: int = 3, **about: Any) -> Path:
    """What a run leaves of a limiter when it is killed."""
    folder.mkdir(parents=True)
    (folder / records.META).write_text(json.dumps(asdict(replace(META, **about))))
    with Recorder(folder, 0) as recorder:
        for client in range(operations):
            recorder.answered(recorder.invoked(client, Key("a", "s"), 1), Outcome.ADMITTED)
    return folder


def refusal(path: Path) -> str:
    with pytest.raises(BadInputError) as caught:
        find_histories(path)
    line = str(caught.value)
    assert "\n" not in line
    return line


def test_a_history_is_found_by_its_file_and_by_its_folder(tmp_path: Path) -> None:
    save_history(HISTORY, tmp_path / "run")
    for path in (tmp_path / "run", tmp_path / "run" / FILE):
        (found,) = find_histories(path)
        assert found.meta == META
        assert found.operations.invocation.tolist() == [1, 2, 3]


def test_a_run_of_several_limiters_has_a_history_each(tmp_path: Path) -> None:
    for name in ("b", "a"):
        named = replace(HISTORY, meta=replace(META, limiter=name))
        save_history(named, tmp_path / name)
    assert [found.meta.limiter for found in find_histories(tmp_path)] == ["a", "b"]


def test_what_a_killed_run_left_is_found_beside_what_it_saved(tmp_path: Path) -> None:
    save_history(HISTORY, tmp_path / "saved")
    record(tmp_path / "records-0" / "left", limiter="left")
    saved, left = find_histories(tmp_path)
    assert (saved.meta.limiter, saved.meta.interrupted) == (META.limiter, "")
    assert (left.meta.limiter, left.meta.interrupted) == ("left", KILLED)
    assert len(left.operations) == 3


def test_a_folder_of_records_is_a_history_that_was_interrupted(tmp_path: Path) -> None:
    (found,) = find_histories(record(tmp_path / "left"))
    assert found.meta == replace(META, interrupted=KILLED)
    known = record(tmp_path / "known", interrupted="stopped by Ctrl-C", checks=["overshoot"])
    (found,) = find_histories(known)
    assert found.meta == replace(META, interrupted="stopped by Ctrl-C", checks=("overshoot",))


def test_what_exploring_has_shown_is_found_with_its_limiter(tmp_path: Path) -> None:
    for name in ("a", "b"):
        named = replace(HISTORY, meta=replace(META, limiter=name))
        save_history(named, tmp_path / name)
    save_explored([explored()], tmp_path / "b")
    save_explored([explored(), explored()], tmp_path / "left")
    record(tmp_path / "records-0" / "left", limiter="left")
    saved = find_saved(tmp_path)
    assert [(one.history.meta.limiter, len(one.explored)) for one in saved] == [
        ("a", 0), ("b", 1), ("left", 2),
    ]  # fmt: skip
    assert [one.folder.name for one in saved] == ["a", "b", "left"]
    (alone,) = find_saved(tmp_path / "b" / FILE)
    assert alone.explored == (explored(),)


def test_a_killed_run_of_one_limiter_keeps_what_exploring_has_shown(tmp_path: Path) -> None:
    save_explored([explored()], tmp_path)
    record(tmp_path / "records-0" / "left")
    (saved,) = find_saved(tmp_path)
    assert (saved.explored, saved.folder) == ((explored(),), tmp_path)


def test_a_damaged_exploration_is_refused(tmp_path: Path) -> None:
    save_history(HISTORY, tmp_path)
    (tmp_path / EXPLORED).write_text("{")
    assert "explored.json is damaged" in refusal(tmp_path)


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    assert "give a run's folder or a history file" in refusal(tmp_path)
    assert "does not exist" in refusal(tmp_path / "missing")
    (tmp_path / "text").write_text("text")
    assert "damaged" in refusal(tmp_path / "text")


@pytest.mark.parametrize(
    ("pattern", "content"),
    [
        ("meta.json", ""),
        ("meta.json", "[]"),
        ("meta.json", '{"limiter": "x"}'),
        ("0-*.json", ""),
        ("0-*.json", "{}"),
        ("0-*.json", '{"boot": "b"}'),
        ("0-*.keys", '["a", "s", 1, 2]\n'),
        ("0-*.keys", "5\n"),
        ("0-*.json", None),
        ("meta.json", None),
    ],
)
def test_a_broken_record_is_refused(tmp_path: Path, pattern: str, content: str | None) -> None:
    folder = record(tmp_path / "left")
    (path,) = folder.glob(pattern)
    if content is None:
        path.unlink()
    else:
        path.write_text(content)
    assert "holds no whole record" in refusal(folder)
