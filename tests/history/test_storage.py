"""A saved history is read back as it was; anything else is refused in one line."""

from __future__ import annotations

import errno
import json
import random
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from limitproof.history import storage
from limitproof.history.columns import COLUMN_TYPES, History, Key, Operations, StateSeries
from limitproof.history.meta import Meta
from limitproof.history.outcome import Outcome
from limitproof.history.storage import HistoryError, interrupted, load, save
from tests.history.samples import META

EPOCH = 1_700_000_000_000_000_000
words = st.text(st.characters(), max_size=8)  # lone surrogates too


@st.composite
def histories(draw: st.DrawFn) -> History:
    rows, samples = draw(st.integers(0, 6)), draw(st.integers(0, 4))
    keys = draw(st.lists(st.builds(Key, words, words, st.integers(0, 99)), min_size=1, max_size=3))
    names = draw(st.lists(words, min_size=1, max_size=3))

    def column(kind: npt.DTypeLike, length: int, **bounds: Any) -> npt.NDArray[Any]:
        return draw(
            arrays.arrays(kind, length, elements=arrays.from_dtype(np.dtype(kind), **bounds))
        )

    def instants(length: int) -> npt.NDArray[np.int64]:
        return column(np.int64, length, min_value=0, max_value=10**9) + EPOCH

    invocation = np.sort(instants(rows))
    return History(
        meta=replace(
            META,
            limiter=draw(words),
            clock_error=draw(st.floats(0, 1)),
            interrupted=draw(words),
            checks=tuple(draw(st.lists(words, max_size=3))),
            rate=draw(st.none() | st.floats(1, 1e6)),
        ),
        operations=Operations(
            process=column(np.int32, rows),
            client=column(np.int32, rows),
            key=column(np.int32, rows, min_value=0, max_value=len(keys) - 1),
            cost=column(np.int32, rows),
            invocation=invocation,
            response=invocation + column(np.int64, rows, min_value=0, max_value=10**12),
            intended=instants(rows),
            outcome=column(np.int8, rows, min_value=1, max_value=5),
            remaining=column(np.float64, rows),
            retry_after=column(np.float64, rows),
        ),
        keys=tuple(keys),
        state=StateSeries(
            names=tuple(names),
            instants=instants(draw(st.integers(0, 4))),
            instant=instants(samples),
            name=column(np.int32, samples, min_value=0, max_value=len(names) - 1),
            size=column(np.int64, samples),
            elements=column(np.int64, samples),
            ttl=column(np.int64, samples),
        ),
        errors=tuple(draw(st.lists(words, max_size=3))),
    )


def assert_equal_columns(one: object, other: object, names: list[str]) -> None:
    for name in names:
        left, right = getattr(one, name), getattr(other, name)
        assert left.dtype == right.dtype, name
        np.testing.assert_array_equal(left, right, err_msg=name)  # NaN equals NaN here


def assert_equal(one: History, other: History) -> None:
    assert one.meta == other.meta
    assert one.keys == other.keys
    assert one.errors == other.errors
    assert one.state.names == other.state.names
    assert_equal_columns(one.operations, other.operations, list(COLUMN_TYPES))
    assert_equal_columns(one.state, other.state, list(storage._SERIES))


def sample() -> History:
    return History(
        meta=META,
        operations=Operations.of(
            [EPOCH + n * 1000 for n in range(40)],
            outcome=Outcome.REJECTED,
            key=[n % 2 for n in range(40)],
            remaining=list(range(40)),
        ),
        keys=(Key("a", "s"), Key("b", "s")),
        state=StateSeries(names=("a",), instants=np.array([EPOCH], np.int64)),
        errors=("one error",),
    )


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "history.npz"
    save(sample(), path)
    return path


def refusal(path: Path) -> str:
    """The one line in which a file is refused."""
    with pytest.raises(HistoryError) as caught:
        load(path)
    line = str(caught.value)
    assert "\n" not in line
    assert str(path) in line
    return line


@settings(deadline=None)
@given(histories())
def test_what_is_saved_is_what_is_loaded(history: History) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.npz"
        save(history, path)
        assert_equal(load(path), history)
        assert [p.name for p in Path(folder).iterdir()] == ["history.npz"]


def test_saving_again_replaces_the_file(saved: Path) -> None:
    later = interrupted(sample(), "stopped by Ctrl-C")
    save(later, saved)
    assert_equal(load(saved), later)
    assert later.meta.interrupted == "stopped by Ctrl-C"
    assert sample().meta.interrupted == ""


def test_a_failed_save_leaves_the_old_file_and_no_other(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = saved.read_bytes()
    write = np.lib.format.write_array
    left = iter(range(5))  # so many columns, then the disk is full

    def nearly_full(*arguments: Any, **options: Any) -> None:
        if next(left, None) is None:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(*arguments, **options)

    monkeypatch.setattr(np.lib.format, "write_array", nearly_full)
    with pytest.raises(OSError, match="No space left"):
        save(interrupted(sample(), "other"), saved)
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


def test_a_folder_that_is_not_there_is_an_oserror(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        save(sample(), tmp_path / "nowhere" / "history.npz")


def test_a_file_cut_short_anywhere_is_refused(saved: Path) -> None:
    whole = saved.read_bytes()
    for length in {len(whole) * n // 50 for n in range(50)} | {len(whole) - 1}:
        saved.write_bytes(whole[:length])
        refusal(saved)


def test_a_damaged_file_is_refused_or_harmless(saved: Path) -> None:
    """Flipped bits: the archive's checksums see them, or they hit what nobody reads."""
    whole, dice = saved.read_bytes(), random.Random(1)
    refused = 0
    for _ in range(400):
        damaged = bytearray(whole)
        for _ in range(dice.choice((1, 1, 8))):
            damaged[dice.randrange(len(whole))] ^= 1 << dice.randrange(8)
        saved.write_bytes(bytes(damaged))
        try:
            history = load(saved)
        except HistoryError as error:
            assert "\n" not in str(error)  # noqa: PT017
            refused += 1
        else:
            assert_equal(history, sample())
    assert refused > 200


@pytest.mark.parametrize(
    "content",
    [b"", b"\0", b"PK\x03\x04", b"not a history", random.Random(2).randbytes(4096)],
    ids=["empty", "zero", "magic", "text", "noise"],
)
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "history.npz"
    path.write_bytes(content)
    assert "damaged or cut short" in refusal(path)


def test_a_missing_file_and_a_directory_are_refused(tmp_path: Path) -> None:
    assert "does not exist" in refusal(tmp_path / "missing.npz")
    assert "directory" in refusal(tmp_path)


def rewrite(path: Path, change: Callable[[dict[str, bytes]], object]) -> None:
    """Put the archive together again after `change` has worked on its members."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def about(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    def changed(members: dict[str, bytes]) -> None:
        told = json.loads(members["about.json"])
        change(told)
        members["about.json"] = json.dumps(told).encode()

    rewrite(path, changed)


def column(path: Path, name: str, values: npt.NDArray[Any]) -> None:
    def changed(members: dict[str, bytes]) -> None:
        with tempfile.TemporaryFile() as file:
            np.lib.format.write_array(file, values, allow_pickle=True)
            file.seek(0)
            members[f"{name}.npy"] = file.read()

    rewrite(path, changed)


def test_another_schema_is_refused(saved: Path) -> None:
    about(saved, lambda told: told.update(schema=2))
    assert "has schema 2, this version reads 1" in refusal(saved)


@pytest.mark.parametrize("name", [*COLUMN_TYPES, *(f"state_{name}" for name in storage._SERIES)])
def test_a_missing_column_is_refused(saved: Path, name: str) -> None:
    rewrite(saved, lambda members: members.pop(f"{name}.npy"))
    assert f"{name}.npy" in refusal(saved)


@pytest.mark.parametrize("field", ["schema", "meta", "keys", "names", "errors"])
def test_what_a_history_must_tell_is_missed(saved: Path, field: str) -> None:
    about(saved, lambda told: told.pop(field))
    assert field in refusal(saved)


@pytest.mark.parametrize("field", [f.name for f in fields(Meta)][:10])
def test_what_a_run_must_tell_of_itself_is_missed(saved: Path, field: str) -> None:
    about(saved, lambda told: told["meta"].pop(field))
    assert field in refusal(saved)


@pytest.mark.parametrize("content", [b"[]", b"5", b"null", b"{", b"\xff", b"[" * 100_000])
def test_a_strange_description_is_refused(saved: Path, content: bytes) -> None:
    rewrite(saved, lambda members: members.update({"about.json": content}))
    assert "not a limitproof history" in refusal(saved)


@pytest.mark.parametrize(
    ("field", "value"),
    [("seed", "abc"), ("limit", 0), ("limit", "5"), ("window", -1.0), ("window", None)],
)
def test_a_run_that_cannot_have_been_is_refused(saved: Path, field: str, value: object) -> None:
    about(saved, lambda told: told["meta"].update({field: value}))
    assert "not a limitproof history" in refusal(saved)


def test_columns_that_contradict_each_other_are_refused(saved: Path, tmp_path: Path) -> None:
    whole = saved.read_bytes()
    for name, values, why in (
        ("cost", np.ones(3, np.int32), "different lengths"),
        ("state_ttl", np.ones(3, np.int64), "different lengths"),
        ("key", np.full(40, 2, np.int32), "table of keys"),
        ("key", np.full(40, -1, np.int32), "table of keys"),
        ("response", np.full(40, -1, np.int64), "came before its question"),
        ("cost", np.array([None] * 40, object), "not a limitproof history"),
        ("cost", np.ones((40, 2), np.int32), "cost"),
        ("key", np.zeros(40, np.float64), "key"),
        ("invocation", np.array(["x"] * 40), "invocation"),
        ("outcome", np.full(40, 9, np.int8), "outcome"),
    ):
        saved.write_bytes(whole)
        column(saved, name, values)
        assert why in refusal(saved), name
    assert list(tmp_path.iterdir()) == [saved]


def test_a_state_that_names_no_key_is_refused(saved: Path) -> None:
    for name, kind in storage._SERIES.items():
        column(saved, f"state_{name}", np.ones(1, kind))
    assert "names a key" in refusal(saved)  # there is only number 0


def test_a_history_without_operations_is_one(tmp_path: Path) -> None:
    empty = History(META, Operations.of([]), ())
    save(empty, tmp_path / "history.npz")
    assert_equal(load(tmp_path / "history.npz"), empty)
