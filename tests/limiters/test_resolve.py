"""A target of one's own: a module or a file, and every way it can be wrong."""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import dedent

import pytest

from limiters.registry import TargetError, resolve

GOOD = """
    class Mine:
        def __init__(self, client, quota, clock):
            self.quota = quota
        def acquire(self, key):
            return self.quota.limit
"""


def written(directory: Path, text: str, name: str = "mine.py") -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / name
    path.write_text(dedent(text))
    return path


def message(target: str) -> str:
    with pytest.raises(TargetError) as caught:
        resolve(target)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path / "sub", GOOD)
    monkeypatch.chdir(tmp_path)
    target = resolve("sub/mine.py:Mine")
    assert target.name == "mine.py:Mine"
    assert target.spec == f"{tmp_path}/sub/mine.py:Mine"
    assert target.entry is None
    monkeypatch.chdir("/")
    assert resolve(target.spec).spec == target.spec


def test_two_files_of_one_name_do_not_meet(tmp_path: Path) -> None:
    first = resolve(f"{written(tmp_path / 'a', GOOD)}:Mine").factory
    second = resolve(f"{written(tmp_path / 'b', GOOD)}:Mine").factory
    assert first is not second
    assert first.__module__ != second.__module__


def test_nothing_is_left_beside_a_file(tmp_path: Path) -> None:
    written(tmp_path, "limit = 3\n", "limitproof_test_sibling.py")
    path = written(tmp_path, "from limitproof_test_sibling import limit\n" + dedent(GOOD))
    before = list(sys.path), sys.dont_write_bytecode
    resolve(f"{path}:Mine")
    assert (list(sys.path), sys.dont_write_bytecode) == before
    assert {found.name for found in tmp_path.iterdir()} == {
        "mine.py",
        "limitproof_test_sibling.py",
    }


def test_a_file_is_read_anew_each_time(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    resolve(f"{path}:Mine")
    path.write_text(dedent(GOOD).replace("Mine", "Other"))
    assert "it has Other" in message(f"{path}:Mine")


def test_a_dataclass_finds_its_module(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
        from __future__ import annotations
        from dataclasses import dataclass
        @dataclass
        class Mine:
            client: object
            quota: object
            clock: object
            def acquire(self, key): ...
        """,
    )
    assert resolve(f"{path}:Mine")


def test_a_module_of_the_current_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, GOOD, "limitproof_test_module.py")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    target = resolve("limitproof_test_module:Mine")
    assert target.name == target.spec == "limitproof_test_module:Mine"
    assert str(tmp_path) not in sys.path
    del sys.modules["limitproof_test_module"]


def test_a_dotted_name_and_a_function_are_factories_too(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
        class Kinds:
            @staticmethod
            def strict(client, quota, clock, extra=None): ...
        def plain(client, quota, clock): ...
        """,
    )
    assert callable(resolve(f"{path}:Kinds.strict").factory)
    assert callable(resolve(f"{path}:plain").factory)


@pytest.mark.parametrize(
    ("text", "is_async"),
    [
        ("import redis.asyncio\ndef make(client: redis.asyncio.Redis, quota, clock): ...", True),
        ("import redis\ndef make(client: redis.Redis, quota, clock): ...", False),
        ("def make(client, quota, clock): ...", False),
        (
            "from __future__ import annotations\nimport redis.asyncio as aio\n"
            "def make(client: aio.Redis, quota: NotImported, clock): ...",
            True,
        ),
        (
            "from redis.asyncio import Redis\ndef make(client: 'Redis[bytes]', quota, clock): ...",
            True,
        ),
        (
            "class make:\n    def __init__(self, client, quota, clock): ...\n"
            "    async def acquire(self, key): ...",
            True,
        ),
        (
            "from __future__ import annotations\nimport redis.asyncio\nclass make:\n"
            "    def __init__(self, client: redis.asyncio.Redis, quota, clock): ...\n"
            "    def acquire(self, key): ...",
            True,
        ),
        (
            "class Made:\n    async def acquire(self, key): ...\n"
            "def make(client, quota, clock) -> 'Made': ...",
            True,
        ),
        ("def make(*anything: 'no.such.name'): ...", False),
    ],
)
def test_asyncio_is_seen(tmp_path: Path, text: str, is_async: bool) -> None:
    path = tmp_path / "mine.py"
    path.write_text(text)
    assert resolve(f"{path}:make").is_async is is_async


def test_no_such_file(tmp_path: Path) -> None:
    assert message(f"{tmp_path}/none.py:Mine") == (
        f"there is no file {tmp_path}/none.py; give path/to/file.py:factory"
    )


def test_not_a_python_file(tmp_path: Path) -> None:
    path = written(tmp_path, "x", "mine.txt")
    assert message(f"{path}:Mine") == f"{path} is not a Python file; its name must end in .py"


def test_a_syntax_error_is_told_with_its_line(tmp_path: Path) -> None:
    path = written(tmp_path, "x = 1\ndef make(:\n")
    assert message(f"{path}:make") == f"{path}:2: invalid syntax; correct the file first"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("raise ValueError('two\\nlines')", "ValueError: two lines"),
        ("raise SystemExit", "SystemExit"),
        ("import no_such_module_at_all", "ModuleNotFoundError: No module named"),
    ],
)
def test_an_import_that_raises(tmp_path: Path, text: str, told: str) -> None:
    path = written(tmp_path, text)
    known = set(sys.modules)
    assert message(f"{path}:make").startswith(f"importing {path} raised {told}")
    assert set(sys.modules) == known


def test_no_such_module() -> None:
    for target in ("no_such_package_at_all:Mine", "no_such_package_at_all.sub:Mine"):
        assert message(target) == (
            "there is no module 'no_such_package_at_all'; run from the directory that holds it, "
            "or give the file: path/to/file.py:factory"
        )


def test_no_such_factory(tmp_path: Path) -> None:
    path = written(tmp_path, dedent(GOOD) + "def helper(one): ...\n")
    assert message(f"{path}:Mien") == f"{path} has no 'Mien'; it has Mine"
    assert message(str(path)) == (
        f"{path} is only a place: name the factory, {path}:...; it has Mine"
    )
    empty = written(tmp_path, "", "empty.py")
    assert message(f"{empty}:Mine") == (
        f"{empty} has no 'Mine'; it has nothing that takes (client, quota, clock)"
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("make = 3", "'make' in {} is int, not callable; "),
        ("def make(client): ...", "make(client) in {} cannot be called with three positional "),
        ("def make(*, client, quota, clock): ...", "make(*, client, quota, clock) in {} cannot "),
        ("async def make(client, quota, clock): ...", "'make' in {} is async def; a factory is "),
        (
            "class make:\n    def __init__(self, client, quota, clock): ...",
            "'make' in {} has no method acquire(key)",
        ),
    ],
)
def test_a_factory_that_cannot_be_one(tmp_path: Path, text: str, told: str) -> None:
    path = written(tmp_path, text)
    assert message(f"{path}:make").startswith(told.format(path))


def test_a_file_whose_name_is_no_text_is_found(tmp_path: Path) -> None:
    path = tmp_path / "mine\udcff.py"
    path.write_text("def factory(client, quota, clock): ...\n")
    assert resolve(f"{path}:factory").spec == f"{path}:factory"


def test_a_file_imports_what_is_in_the_current_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a test in tests/ what it tests; nothing stays on the path."""
    (tmp_path / "beside_the_tests.py").write_text("LIMIT = 7")
    (tmp_path / "tests").mkdir()
    file = tmp_path / "tests" / "mine.py"
    file.write_text(f"from beside_the_tests import LIMIT\n{dedent(GOOD)}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [one for one in sys.path if one])
    before = list(sys.path)
    assert resolve("tests/mine.py:Mine").name == "mine.py:Mine"
    assert sys.path == before
