"""A user's own broken file: each gets a verdict or one line, in time, and leaves nothing behind."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from limiters.contract import Quota
from limiters.registry import TargetError, resolve
from limitproof.check.verdict import CheckResult
from limitproof.servers.virtual import VirtualServer
from limitproof.simulate import watchdog
from limitproof.simulate.refusal import HangError
from limitproof.verify import verify as verifying
from limitproof.verify.contract import CONTRACT
from limitproof.verify.laboratory import Laboratory, Subject
from limitproof.verify.units import alone, examine_unit
from limitproof.verify.verify import BriefError, Judged, verify
from limitproof.verify.worker import Brief
from tests.traces import Traces
from tests.verify.broken import HARMLESS, NO_LIMITERS, PASS, SPOILING

SECONDS = 1.0
LONGEST = 60.0  # of real time, on a machine that is busy with other tests: nothing hangs for ever
QUOTA = Quota(4, 1.0)


@pytest.fixture
def nothing_left(traces: Traces, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No process that was started meanwhile lives longer than the test, nor a server's folder."""
    for name in ("TMPDIR", "LIMITPROOF_TEST"):
        monkeypatch.setenv(name, traces.folder)
    monkeypatch.setattr(tempfile, "tempdir", None)  # what is known of TMPDIR
    yield
    assert traces.gone()
    assert not list(Path(traces.folder).glob("limitproof-*"))


def file(folder: Path, text: str) -> str:
    """A TARGET that is this text."""
    path = folder / "mine.py"
    path.write_text(text)
    return f"{path}:factory"


def contract_of(target: str) -> CheckResult:
    """What the child process that examines it has to say."""
    begun = time.monotonic()
    events = [
        one
        for one in verify(Brief(target, QUOTA), ["contract"], SECONDS)
        if isinstance(one, Judged)
    ]
    assert time.monotonic() - begun < LONGEST
    (judged,) = events
    return judged.examined.result


@pytest.mark.parametrize("name", HARMLESS)
def test_each_gets_a_verdict_in_any_process(
    name: str, tmp_path: Path, moving_server: VirtualServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `limitproof verify` examines it in a child, and the pytest plugin in its own process."""
    if name == "hangs":  # for ever: it is looked at twice, however far apart
        monkeypatch.setattr(watchdog, "SPIN_SECONDS", 0.3)
    text, verdict, says = HARMLESS[name]
    subject = Subject(resolve(file(tmp_path, text)), QUOTA)
    laboratory = Laboratory(subject, moving_server, SECONDS)
    if name == "hangs":
        with pytest.raises(HangError, match=says):
            examine_unit(alone(CONTRACT), laboratory, ["contract"])
        return
    result = examine_unit(alone(CONTRACT), laboratory, ["contract"])["contract"].result
    assert says in result.because
    assert result.verdict is verdict
    assert result.because.isprintable()


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("name", SPOILING)
def test_each_gets_a_verdict_whatever_it_does_to_its_process(
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    if SPOILING[name][1] is not PASS:
        monkeypatch.setattr(verifying, "GRACE", 1.0)  # none of these would use more
    text, verdict, says = SPOILING[name]
    result = contract_of(file(tmp_path, text))
    assert says in result.because
    assert result.verdict is verdict
    assert result.because.isprintable()
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("name", NO_LIMITERS)
def test_each_that_is_no_limiter_gets_a_line(name: str, tmp_path: Path) -> None:
    text, says = NO_LIMITERS[name]
    fork = os.fork
    with pytest.raises(TargetError) as raised:
        resolve(file(tmp_path, text))
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)
    assert os.fork is fork


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x = 1\ndef factory(:\n", "mine.py:2: invalid syntax"),
        ("raise KeyboardInterrupt\n", "KeyboardInterrupt"),
    ],
)
def test_the_line_comes_from_the_child(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(BriefError, match=says):
        contract_of(file(tmp_path, text))


def test_a_slow_import_is_no_fault(tmp_path: Path) -> None:
    text = HARMLESS["closes"][0].replace("class factory", "time.sleep(1.1)\n\nclass factory")
    assert contract_of(file(tmp_path, text)).because.endswith("each with a Decision")
