"""Packages in folders of their own: found, missing, of another version, installed."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import pytest

from limiters.adapters.__main__ import main
from limiters.adapters.packages import (
    Package,
    adapts,
    bring,
    folder,
    is_there,
    known_packages,
    package,
    whole_seconds,
)
from limiters.promise import SlidingWindow
from limiters.registry import TargetError, resolve
from limitproof.cli.exits import Exit
from limitproof.cli.main import invoke

OLD, NEW = Package("told", "1.0", "told_apart"), Package("told", "2.0", "told_apart")


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Packages are looked for in a folder where there is none."""
    monkeypatch.setenv("LIMITPROOF_PACKAGES", str(tmp_path))
    return tmp_path


@pytest.fixture
def two_versions(empty: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two versions of a package of ours."""
    for one in (OLD, NEW):
        inside = folder(one) / one.module
        inside.mkdir(parents=True)
        (inside / "__init__.py").write_text(f"VERSION = {one.version!r}\n")
        (inside / "broken.py").write_text("import redis\nredis.StrictestRedis\n")
        (folder(one) / "installed.txt").write_text(one.receipt)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.delitem(sys.modules, "told_apart", raising=False)
    monkeypatch.setitem(sys.modules, "told_apart", None)  # so that it is taken out again
    del sys.modules["told_apart"]
    return empty


def test_all_are_there_and_redis_py_is_in_none() -> None:
    for one in known_packages():
        assert is_there(one), f"{one.label} is not there: run make packages"
        assert (folder(one) / one.module).is_dir()
        assert not (folder(one) / "redis").exists()


def test_labels_are_names_of_their_own() -> None:
    labels = [one.label for one in known_packages()]
    assert len(set(labels)) == len(labels) >= 6
    with pytest.raises(TargetError, match=r"no package 'limits' is listed; there are limits-5"):
        package("limits")


@pytest.mark.usefixtures("empty")
def test_a_missing_package_is_one_line_and_a_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["explore", "limiters.adapters.limits:fixed"]) == Exit.USAGE
    told = capsys.readouterr().err
    assert "limits 5.8.0 is not there: run `make packages`" in told
    assert "Traceback" not in told


@pytest.mark.usefixtures("two_versions")
def test_half_a_folder_is_not_there() -> None:
    (folder(OLD) / "installed.txt").unlink()
    with pytest.raises(TargetError, match=r"told 1\.0 is not there"):
        bring(OLD)


@pytest.mark.usefixtures("two_versions")
def test_what_was_pinned_otherwise_is_not_there() -> None:
    assert is_there(OLD)
    assert not is_there(Package(OLD.name, OLD.version, OLD.module, ("more==1",)))


@pytest.mark.usefixtures("two_versions")
def test_a_process_has_one_version() -> None:
    before = list(sys.path)
    bring(OLD)
    bring(OLD)
    assert sys.modules["told_apart"].VERSION == "1.0"
    with pytest.raises(TargetError, match=r"told 2\.0 cannot be used: .*a command of its own"):
        bring(NEW)
    assert sys.path == before


@pytest.mark.usefixtures("two_versions")
def test_what_cannot_be_imported_is_told() -> None:
    with pytest.raises(
        TargetError, match=r"importing told_apart\.broken of told-2\.0 raised Attri"
    ):
        bring(NEW, "told_apart.broken")


def test_a_factory_keeps_its_signature_and_gets_a_promise() -> None:
    @adapts("walrus-0.9.8", promise=SlidingWindow.of)
    def made(client: object, quota: object, clock: object) -> tuple[object, ...]:
        return client, quota, clock

    assert made(1, 2, 3) == (1, 2, 3)
    assert "walrus" in sys.modules
    found = resolve("limiters.adapters.limits:async_moving")
    assert (found.is_async, found.name) == (True, "limiters.adapters.limits:async_moving")


def test_windows_are_whole_seconds() -> None:
    assert whole_seconds(2.0, "limits") == 2
    with pytest.raises(ValueError, match=r"limits takes whole seconds: .* not 0\.5"):
        whole_seconds(0.5, "limits")


def test_installing_is_all_or_nothing(
    empty: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From a folder of wheels, which holds walrus alone: a stand-in of ours."""
    wheels = empty / "wheels"
    wheels.mkdir()
    with zipfile.ZipFile(wheels / "walrus-0.9.8-py3-none-any.whl", "w") as wheel:
        wheel.writestr("walrus/__init__.py", "")
        info = "walrus-0.9.8.dist-info"
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: walrus\nVersion: 0.9.8\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n")
        wheel.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))

    assert main(["install", "walrus-0.9.8"]) == 0
    assert capsys.readouterr().out == "installed walrus-0.9.8\n"
    assert main(["install", "walrus-0.9.8"]) == 0
    assert main(["list"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert "walrus-0.9.8" in out
    assert "limits-5.8.0  (not there)" in out

    assert main(["install", "pyrate-limiter-4.5.1"]) == Exit.ENVIRONMENT
    assert "pyrate-limiter 4.5.1 cannot be installed: " in capsys.readouterr().err
    assert sorted(path.name for path in empty.iterdir()) == ["walrus-0.9.8", "wheels"]

    assert main(["install", "walrus"]) == Exit.USAGE
    assert "no package 'walrus' is listed" in capsys.readouterr().err
