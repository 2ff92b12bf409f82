"""The line of the user's own file in which something went wrong, whoever raised it."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from limiters.place import place_of
from limiters.registry import TargetError, resolve
from limitproof.decisions import one_line

OWN = """
import json

def decodes():
    return json.loads("{")

def divides():
    return 1 / 0

def asks():
    return divides()

def evaluates():
    return eval("1 / 0")
"""


def raised(path: Path, name: str) -> Exception:
    """What a function of a file raises."""
    path.write_text(OWN)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever it is
        runpy.run_path(str(path))[name]()
    return caught.value


@pytest.mark.parametrize(
    ("name", "line"), [("decodes", 5), ("divides", 8), ("asks", 8), ("evaluates", 14)]
)
def test_the_innermost_line_of_the_users_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, line: int
) -> None:
    path = tmp_path / "mine.py"
    error = raised(path, name)
    assert place_of(error) == f"{path}:{line}"
    monkeypatch.chdir(tmp_path)
    assert place_of(error) == f"mine.py:{line}"
    assert one_line(error).endswith(f" (mine.py:{line})")
    assert "\n" not in one_line(error)


def test_what_is_installed_is_nobodys_own(tmp_path: Path) -> None:
    folder = tmp_path / "site-packages"
    folder.mkdir()
    assert "theirs.py" not in place_of(raised(folder / "theirs.py", "divides"))


def test_an_error_that_was_never_raised_has_no_place() -> None:
    assert place_of(ValueError("boom")) == ""
    assert one_line(ValueError("boom")) == "ValueError: boom"


def test_a_file_that_cannot_be_imported_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("import json\n\nX = json.loads('{')\n")
    with pytest.raises(TargetError, match=r"JSONDecodeError: .*mine\.py:3\); it must import"):
        resolve(f"{tmp_path / 'mine.py'}:factory")
