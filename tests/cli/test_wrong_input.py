"""Wrong input gets one clear line and the right exit code, before anything is started."""

from __future__ import annotations

from pathlib import Path

import pytest

from limitproof.cli.exits import Exit
from limitproof.cli.main import invoke
from limitproof.servers.spawn import spawned

USAGE = [
    (["load", "lua_atmic"], "did you mean lua_atomic"),
    (["load", "no_such_file.py:factory"], "there is no file"),
    (["load", "no_such_module:factory"], "there is no module"),
    (["load", "limiters.contract:factory"], "has no 'factory'"),
    *[(["load", "lua_atomic", "--limit", bad], bad) for bad in ("0", "-1", "NaN", "ten", "1.5")],
    *[
        (["load", "lua_atomic", "--window", bad], bad)
        for bad in ("0", "-1", "NaN", "inf", "soon", "")
    ],
    (["load", "lua_atomic", "--limit", "1" + "0" * 30], "at most 1000000000"),
    *[(["load", "lua_atomic", "--window", bad], bad) for bad in ("1e-300", "0.0009", "1e300")],
    *[(["load", "lua_atomic", "--clients", bad], bad) for bad in ("0", "-3", "many")],
    (["load", "lua_atomic", "--processes", "64", "--clients", "64"], "at most 1000"),
    *[(["load", "lua_atomic", "--rate", bad], bad) for bad in ("0", "-1", "nan", "fast")],
    (["load", "lua_atomic", "--seconds", "1e9"], "at most 3600"),
    (["load", "lua_atomic", "--scenario", "brst"], "did you mean burst"),
    (["load", "lua_atomic", "--promise", "leaky"], "no such promise 'leaky'"),
    (["load", "lua_atomic", "--redis", "http://localhost"], "no address of a Redis"),
    (["load", "lua_atomic", "--redis", "spawn:/no/such/program"], "/no/such/program"),
    (["load"], "TARGET"),
    (["memory", "lua_atomic", "--windows", "1"], "at least 4"),
    (["list", "dinosaurs"], "dinosaurs"),
    (["check", "no_such_history.npz"], "does not exist"),
    (["report", "no_such_run"], "no_such_run"),
    (["frobnicate"], "frobnicate"),
    (["run", "--frobnicate"], "--frobnicate"),
]


@pytest.mark.parametrize(("arguments", "says"), USAGE, ids=lambda value: str(value)[:60])
def test_usage_errors_are_one_line(
    arguments: list[str],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert invoke(arguments) == Exit.USAGE
    out, err = capsys.readouterr()
    assert says in err
    assert err.count("\n") == 1
    assert not out
    assert not list(tmp_path.iterdir())


def one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    code = invoke(arguments)
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    return code, err


def test_an_unreachable_redis_is_the_environment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"unix://{tmp_path}/nobody.sock"
    code, err = one_line(["load", "lua_atomic", "--redis", url], capsys)
    assert code == Exit.ENVIRONMENT
    assert "cannot reach" in err


def test_a_password_is_asked_for_and_never_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with spawned(password="sesame-open") as server:  # noqa: S106 - a server of our own
        bare = server.url.replace(":sesame-open@", "")
        assert bare != server.url
        code, err = one_line(["load", "lua_atomic", "--redis", bare], capsys)
        assert code == Exit.ENVIRONMENT
        assert "needs a password" in err
        wrong = server.url.replace("sesame-open", "wrong-guess")
        code, err = one_line(["load", "lua_atomic", "--redis", wrong], capsys)
        assert code == Exit.ENVIRONMENT
        assert "refuses this password" in err
        assert "wrong-guess" not in err


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 half", b"\x00" * 4096, b"{}"])
def test_a_damaged_history_is_one_line(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "history.npz"
    path.write_bytes(content)
    code, err = one_line(["check", str(path)], capsys)
    assert code == Exit.USAGE
    assert "history.npz" in err


def test_a_broken_file_of_a_user_is_named_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.py").write_text("x = 1\ndef factory(:\n")
    code, err = one_line(["load", f"{tmp_path}/mine.py:factory"], capsys)
    assert code == Exit.USAGE
    assert "mine.py:2" in err


@pytest.mark.parametrize("promise", ["5", "lambda quota: 1 / 0", "lambda quota: TokenBucket(0, 0)"])
def test_a_promise_of_no_use_is_one_line(
    promise: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.py").write_text(
        "from limiters.promise import TokenBucket\n"
        "def factory(client, quota, clock): ...\n"
        f"factory.promise = {promise}\n"
    )
    arguments = ["load", f"{tmp_path}/mine.py:factory", "--results", f"{tmp_path}/results"]
    code, err = one_line(arguments, capsys)
    assert code == Exit.USAGE
    assert "the promise of mine.py:factory is of no use" in err


def test_results_that_cannot_be_written_are_the_environment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    code, err = one_line(["load", "lua_atomic", "--results", f"{tmp_path}/file/results"], capsys)
    assert code == Exit.ENVIRONMENT
    assert "is there room, and may we" in err
