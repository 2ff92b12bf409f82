"""[tool.limitproof] of a project: what it says, and each way to say it wrongly, in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from limitproof.cli.exits import Exit
from limitproof.cli.main import invoke
from limitproof.errors import BadInputError
from limitproof.settings import Settings, read_settings


@pytest.mark.parametrize(
    ("text", "accept"),
    [
        (None, ()),
        ("", ()),
        ("[tool.other]\nacept = 1\n", ()),
        ("[tool.limitproof]\n", ()),
        ('[tool.limitproof]\naccept = ["crash", "clock-skew"]\n', ("crash", "clock-skew")),
    ],
)
def test_what_is_accepted(tmp_path: Path, text: str | None, accept: tuple[str, ...]) -> None:
    if text is not None:
        (tmp_path / "pyproject.toml").write_text(text)
    assert read_settings(tmp_path) == Settings(accept)


WRONG = [
    ("[tool.limitproof]\nacept = []\n", "has no key 'acept'; did you mean accept? there is accept"),
    ("[tool.limitproof]\nzzz = 1\n", "has no key 'zzz'; there is accept"),
    ("[tool.limitproof\n", "pyproject.toml is no TOML: "),
    ("[tool]\nlimitproof = 3\n", "must be a table, not 3"),
    ('[tool.limitproof]\naccept = "crash"\n', "must be a list of checks, as [\"crash\"]: 'crash'"),
    ("[tool.limitproof]\naccept = [1]\n", "must be a list of checks"),
]


@pytest.mark.parametrize(("text", "says"), WRONG)
def test_what_is_wrong_is_told_in_one_line(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(BadInputError) as caught:
        read_settings(tmp_path)
    assert says in str(caught.value)
    assert str(tmp_path / "pyproject.toml") in str(caught.value)


def test_a_file_that_is_no_text_or_no_file(tmp_path: Path) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(BadInputError, match="is no TOML"):
        read_settings(tmp_path)
    path.unlink()
    path.mkdir()
    with pytest.raises(BadInputError, match="cannot be read: Is a directory"):
        read_settings(tmp_path)


@pytest.mark.parametrize(("text", "says"), WRONG[:3])
def test_verify_says_it_and_examines_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    text: str,
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text(text)
    assert invoke(["verify", "lua_atomic"]) == Exit.USAGE
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert says in err
