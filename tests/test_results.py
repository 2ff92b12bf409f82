"""Every run has a folder of its own, and files are written whole or not at all."""

from __future__ import annotations

import errno
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from limitproof import results


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


def test_tidy_takes_away_what_nobody_needs(tmp_path: Path) -> None:
    for number, log in enumerate(("", "fine\n", "Traceback (most recent call last):\n")):
        batch = tmp_path / f"records-{number}"
        batch.mkdir()
        (batch / "locust.log").write_text(log)
        (batch / "plan.json").write_text("{}")
    (tmp_path / "records-1" / "left").mkdir()  # a limiter's records
    (tmp_path / results.HISTORY).touch()
    results.tidy(tmp_path)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {results.HISTORY, "records-1", "records-2"}
    assert (tmp_path / "records-1" / "left").is_dir()


def test_half_a_surrogate_pair_is_written_as_an_escape(tmp_path: Path) -> None:
    results.write_json(tmp_path / "verdict.json", {"target": "\ud800.py"})
    assert json.loads((tmp_path / "verdict.json").read_text()) == {"target": "\ud800.py"}
