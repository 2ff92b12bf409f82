"""Every run has a folder of its own, and whatever it left can be read again."""

from __future__ import annotations

import errno
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from limitproof import results
from limitproof.history.columns import History, Key, Operations
from limitproof.history.outcome import Outcome
from limitproof.history.recorder import Recorder
from limitproof.history.storage import HistoryError
from tests.explorations import explored
from tests.history.samples import META

HISTORY = History(META, Operations.of([1, 2, 3]), (Key("a", "s"),))
KILLED = "the run was killed before it could save its history"


def record(folder: Path, operations: int = 3, **about: Any) -> Path:
    """What a run leaves of a limiter when it is killed."""
    folder.mkdir(parents=True)
    (folder / results.META).write_text(json.dumps(asdict(replace(META, **about))))
    with Recorder(folder, 0) as recorder:
        for client in range(operations):
            recorder.answered(recorder.invoked(client, Key("a", "s"), 1), Outcome.ADMITTED)
    return folder


def refusal(path: Path) -> str:
    with pytest.raises(HistoryError) as caught:
        results.find_histories(path)
    line = str(caught.value)
    assert "\n" not in line
    return line


def test_the_newest_folder_is_the_latest(tmp_path: Path) -> None:
    place = tmp_path / "results" / "here"
    first, second = results.new_folder(place, "one"), results.new_folder(place, "two")
    assert first.name.endswith("-one")
    assert second.is_dir()
    assert (place / "latest").resolve() == second.resolve()
    assert not (place / "latest").readlink().is_absolute()  # results can be moved as a whole
    assert sorted(place.iterdir()) == sorted([first, second, place / "latest"])


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("plain", "plain"),
        ("../../etc/passwd", "etc-passwd"),
        ("a file.py:factory", "a-file.py-factory"),
        ("", "run"),
        ("...", "run"),
        ("\x00\n", "run"),
        ("x" * 300, "x" * 60),
    ],
)
def test_any_name_makes_a_folder_in_its_place(tmp_path: Path, name: str, part: str) -> None:
    folder = results.new_folder(tmp_path, name)
    assert folder.parent == tmp_path
    assert folder.name.partition("-")[2] == part


def test_runs_at_the_same_time_get_folders_of_their_own(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        folders = list(pool.map(lambda _: results.new_folder(tmp_path, "same"), range(24)))
    assert len(set(folders)) == 24
    assert all(folder.is_dir() for folder in folders)


def test_where_results_cannot_be_is_an_oserror(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "dead").symlink_to("nowhere")
    for place in ("file", "dead", "file/below"):
        with pytest.raises(OSError, match=r"exists|directory"):
            results.new_folder(tmp_path / place, "run")


def test_a_folder_called_latest_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "latest").mkdir()
    folder = results.new_folder(tmp_path, "run")
    assert sorted(tmp_path.iterdir()) == sorted([folder, tmp_path / "latest"])
    assert not (tmp_path / "latest").is_symlink()


def test_json_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "verdict.json"
    results.write_json(path, {"what": "ein Maß"})
    assert json.loads(path.read_text(encoding="utf-8")) == {"what": "ein Maß"}
    write = Path.write_bytes

    def half(self: Path, data: bytes) -> int:
        write(self, data[:5])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises(OSError, match="No space left"):
        results.write_json(path, {"what": "other"})
    assert json.loads(path.read_text(encoding="utf-8")) == {"what": "ein Maß"}
    assert list(tmp_path.iterdir()) == [path]


def test_a_history_is_found_by_its_file_and_by_its_folder(tmp_path: Path) -> None:
    results.save_history(HISTORY, tmp_path / "run")
    for path in (tmp_path / "run", tmp_path / "run" / results.HISTORY):
        (found,) = results.find_histories(path)
        assert found.meta == META
        assert found.operations.invocation.tolist() == [1, 2, 3]


def test_a_run_of_several_limiters_has_a_history_each(tmp_path: Path) -> None:
    for name in ("b", "a"):
        named = replace(HISTORY, meta=replace(META, limiter=name))
        results.save_history(named, tmp_path / name)
    assert [found.meta.limiter for found in results.find_histories(tmp_path)] == ["a", "b"]


def test_what_a_killed_run_left_is_found_beside_what_it_saved(tmp_path: Path) -> None:
    results.save_history(HISTORY, tmp_path / "saved")
    record(tmp_path / "records-0" / "left", limiter="left")
    saved, left = results.find_histories(tmp_path)
    assert (saved.meta.limiter, saved.meta.interrupted) == (META.limiter, "")
    assert (left.meta.limiter, left.meta.interrupted) == ("left", KILLED)
    assert len(left.operations) == 3


def test_a_folder_of_records_is_a_history_that_was_interrupted(tmp_path: Path) -> None:
    (found,) = results.find_histories(record(tmp_path / "left"))
    assert found.meta == replace(META, interrupted=KILLED)
    known = record(tmp_path / "known", interrupted="stopped by Ctrl-C", checks=["overshoot"])
    (found,) = results.find_histories(known)
    assert found.meta == replace(META, interrupted="stopped by Ctrl-C", checks=("overshoot",))


def test_what_exploring_has_shown_is_found_with_its_limiter(tmp_path: Path) -> None:
    for name in ("a", "b"):
        named = replace(HISTORY, meta=replace(META, limiter=name))
        results.save_history(named, tmp_path / name)
    results.save_explored([explored()], tmp_path / "b")
    results.save_explored([explored(), explored()], tmp_path / "left")
    record(tmp_path / "records-0" / "left", limiter="left")
    saved = results.find_saved(tmp_path)
    assert [(one.history.meta.limiter, len(one.explored)) for one in saved] == [
        ("a", 0), ("b", 1), ("left", 2),
    ]  # fmt: skip
    assert [one.folder.name for one in saved] == ["a", "b", "left"]
    (alone,) = results.find_saved(tmp_path / "b" / results.HISTORY)
    assert alone.explored == (explored(),)


def test_a_killed_run_of_one_limiter_keeps_what_exploring_has_shown(tmp_path: Path) -> None:
    results.save_explored([explored()], tmp_path)
    record(tmp_path / "records-0" / "left")
    (saved,) = results.find_saved(tmp_path)
    assert (saved.explored, saved.folder) == ((explored(),), tmp_path)


def test_a_damaged_exploration_is_refused(tmp_path: Path) -> None:
    results.save_history(HISTORY, tmp_path)
    (tmp_path / results.EXPLORED).write_text("{")
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


def test_tidy_takes_away_what_nobody_needs(tmp_path: Path) -> None:
    for number, log in enumerate(("", "fine\n", "Traceback (most recent call last):\n")):
        batch = tmp_path / f"records-{number}"
        batch.mkdir()
        (batch / "locust.log").write_text(log)
        (batch / "plan.json").write_text("{}")
    record(tmp_path / "records-1" / "left")
    results.save_history(HISTORY, tmp_path)
    results.tidy(tmp_path)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {results.HISTORY, "records-1", "records-2"}
    assert len(results.find_histories(tmp_path / "records-1")) == 1


def test_half_a_surrogate_pair_is_written_as_an_escape(tmp_path: Path) -> None:
    results.write_json(tmp_path / "verdict.json", {"target": "\ud800.py"})
    assert json.loads((tmp_path / "verdict.json").read_text()) == {"target": "\ud800.py"}
