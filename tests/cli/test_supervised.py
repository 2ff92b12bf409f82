"""`explore` and `replay` of limiters that do not leave their process alone."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from limitproof import in_time
from limitproof.cli import supervised as supervising
from limitproof.cli.exits import Exit
from limitproof.cli.main import invoke
from limitproof.simulate.wire import PATIENCE
from tests.traces import Traces
from tests.verify.broken import SPOILING, asking, limiter

LONGEST = 120.0  # of real time, on a machine that is busy with other tests
WATCHED = """
import sys, time
from limitproof.cli import supervised
supervised.SILENCE, supervised.BEAT, supervised.LEAVING = 1.5, 0.1, 1.0
from limitproof.cli import begin
begin(sys.argv[1:])
"""
IMPORT = "from limitproof.cli.supervised import supervised as s"
CRASHES_AND_LEAVES = limiter(
    "subprocess.Popen(['sleep', '600'], start_new_session=True)\nctypes.string_at(0)"
)
ENDS = {
    "goes on for ever as it is deleted": (
        SPOILING["goes on for ever as it is deleted"][0],
        Exit.UNKNOWN,
        "cannot be stopped (mine.py",
    ),
    "has a task that goes on": (SPOILING["has a task that goes on"][0], Exit.UNKNOWN, ""),
    "crashes": (SPOILING["crashes"][0], Exit.UNKNOWN, "ended its process (SIGSEGV)"),
    "hangs in C": (SPOILING["hangs in C"][0], Exit.UNKNOWN, "the limiter hangs"),
    "starts a program and crashes": (
        CRASHES_AND_LEAVES,
        Exit.UNKNOWN,
        "the limiter ended its process",
    ),
    "closes all": (SPOILING["closes all"][0], Exit.UNKNOWN, "the limiter ended its process"),
    "starts programs": (
        asking("subprocess.Popen(['sleep', '600'], start_new_session=True)"),
        Exit.PASS,
        "",
    ),
    "leaves threads that compute": (
        asking("threading.Thread(target=lambda: [None for _ in iter(int, 1)]).start()"),
        Exit.UNKNOWN,
        "",
    ),
    "keeps a thread": (
        "import threading\nthreading.Thread(target=threading.Event().wait).start()\n"
        + asking("None"),
        Exit.PASS,
        "",
    ),
    "asks in a thread": (
        limiter("t = threading.Thread(target=self.ask, args=(key,))\nt.start()\nt.join()"),
        Exit.UNKNOWN,
        "",
    ),
}


def explore(folder: Path, text: str, traces: Traces) -> subprocess.CompletedProcess[str]:
    """The command as a person calls it."""
    (folder / "mine.py").write_text(text)
    command = ["explore", f"{folder}/mine.py:factory", "--clients", "2", "--budget", "3", "-q"]
    return subprocess.run(
        [sys.executable, "-c", WATCHED, *command, "--results", f"{folder}/results"],
        capture_output=True,
        text=True,
        timeout=LONGEST,
        env=traces.environ,
    )


@pytest.mark.parametrize("name", ENDS)
def test_a_limiter_ends_with_its_process_and_a_line(
    name: str, tmp_path: Path, traces: Traces
) -> None:
    text, code, says = ENDS[name]
    done = explore(tmp_path, text, traces)
    assert done.returncode == code, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert done.stderr.count("\n") == bool(says)
    assert traces.gone()


def test_what_a_crashed_child_of_verify_leaves_is_ended(tmp_path: Path, traces: Traces) -> None:
    (tmp_path / "mine.py").write_text(CRASHES_AND_LEAVES)
    command = ["verify", f"{tmp_path}/mine.py:factory", "--checks", "contract", "--budget", "3"]
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, *command, "--results", f"{tmp_path}/results"],
        capture_output=True,
        text=True,
        timeout=LONGEST,
        env=traces.environ,
    )
    assert done.returncode == Exit.UNKNOWN
    assert "the limiter ended its process" in done.stdout
    assert traces.gone()


def test_an_import_without_an_end_is_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(in_time, "SECONDS", 0.2)
    (tmp_path / "mine.py").write_text(SPOILING["imports for ever"][0])
    before = signal.getsignal(signal.SIGALRM)
    assert invoke(["explore", f"{tmp_path}/mine.py:factory"]) == Exit.USAGE
    err = capsys.readouterr().err
    assert "it takes more than 0.2 s" in err
    assert err.count("\n") == 1
    assert signal.getsignal(signal.SIGALRM) is before


def test_a_script_without_an_end_is_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("limitproof.simulate.wire.PATIENCE", 0.5)
    (tmp_path / "mine.py").write_text(SPOILING["script for ever"][0])
    arguments = [f"{tmp_path}/mine.py:factory", "--results", str(tmp_path)]
    assert invoke(["explore", *arguments]) == Exit.UNKNOWN
    err = capsys.readouterr().err
    assert err.startswith("limitproof: the limiter hangs: the server has not answered")
    assert err.count("\n") == 1


@pytest.mark.parametrize("code", [0, 1, 3])
def test_the_exit_code_is_that_of_the_command(code: int) -> None:
    text = f"import sys; {IMPORT}; sys.exit(s(lambda: {code}))"
    assert subprocess.run([sys.executable, "-c", text]).returncode == code


def test_a_signal_is_handed_on_and_has_its_usual_effect(tmp_path: Path) -> None:
    text = (
        f"import sys, time; {IMPORT}\n"
        f"sys.exit(s(lambda: open({str(tmp_path / 'up')!r}, 'w').close() or time.sleep(600)))"
    )
    with subprocess.Popen([sys.executable, "-c", text], stderr=subprocess.PIPE) as process:
        until = time.monotonic() + LONGEST
        while not (tmp_path / "up").exists() and time.monotonic() < until:
            time.sleep(0.01)
        (child,) = psutil.Process(process.pid).children()
        process.terminate()
        assert process.wait(LONGEST) == -signal.SIGTERM
        assert not psutil.wait_procs([child], LONGEST)[1]


def test_silence_outlasts_the_server() -> None:
    """Who waits for the server is not taken for one that hangs."""
    assert supervising.SILENCE > PATIENCE


@pytest.mark.parametrize(("target", "code"), [("get_set_json", 1), ("lua_atomic", 0)])
def test_a_reader_that_has_seen_enough_changes_no_verdict(
    target: str, code: int, tmp_path: Path
) -> None:
    """As with `limitproof explore … | head -1`."""
    command = ["explore", target, "--clients", "2", "--results", str(tmp_path)]
    text = f"import sys; from limitproof.cli.main import main; main({command!r})"
    with subprocess.Popen(
        [sys.executable, "-c", text], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(LONGEST) == code
