"""The hunt counts a mutant as killed only when a judge says by which check."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import psutil
import pytest

from tests.mutants.__main__ import explained_and_killed
from tests.mutants.catalogue import mutants
from tests.mutants.ended import Ended
from tests.mutants.forked import judged_in_fork
from tests.mutants.hunt import ROOT, Found, by_command, hunt, killed_by, run
from tests.mutants.mutant import Mutant, source


def changed(file: str, old: str, new: str, limiter: str) -> Mutant:
    text = source(file)
    assert text.count(old) == 1
    return Mutant(f"{file}: {new}", limiter, file, text.replace(old, new))


OVER = changed("gcra.lua", "ahead > window or", "ahead > 2 * window or", "gcra")
SAME = changed("gcra.lua", "local key = KEYS[1]", "local key = KEYS[1] .. ''", "gcra")
FEW = changed("fixed_window.py", "count <= self.limit", "count < self.limit", "fixed_window")
DEAD = changed("gcra.lua", "local key = KEYS[1]", "local key = nothing[1]", "gcra")


def hunted(mutant: Mutant, folder: Path, code: str, seconds: float = 60.0) -> Found:
    """What becomes of a mutant when the judge is a few words of Python."""
    (found,) = hunt(
        [mutant], by_command(lambda target: [sys.executable, "-c", code, target]), folder,
        equivalent={SAME.id: "the empty text adds nothing"}, seconds=seconds,
    )  # fmt: skip
    return found


def says(code: int, **verdicts: str) -> str:
    checks = [{"name": name.replace("_", "-"), "verdict": is_} for name, is_ in verdicts.items()]
    return f"import sys; print({json.dumps({'checks': checks})!r}); sys.exit({code})"


def test_killed_by_a_check(tmp_path: Path) -> None:
    found = hunted(OVER, tmp_path, says(1, overshoot="fail", weights="fail", memory="pass"))
    assert (found.fate, found.why) == ("killed", "overshoot, weights")


def test_what_the_original_fails_too_kills_nothing(tmp_path: Path) -> None:
    found = hunted(FEW, tmp_path, says(1, lost_reply="fail", memory="unknown"))
    assert (found.fate, found.why) == ("survived", "")


def test_survived(tmp_path: Path) -> None:
    assert hunted(OVER, tmp_path, says(0, memory="pass")).fate == "survived"


def test_explained(tmp_path: Path) -> None:
    found = hunted(SAME, tmp_path, says(0, memory="pass"))
    assert (found.fate, found.why) == ("equivalent", "the empty text adds nothing")


def test_an_explanation_does_not_hide_a_kill(tmp_path: Path) -> None:
    found = hunted(SAME, tmp_path, says(1, memory="fail"))
    assert found.fate == "killed"
    assert explained_and_killed([found]) == [SAME.id]
    assert explained_and_killed([hunted(OVER, tmp_path, says(1, memory="fail"))]) == []


def test_an_explanation_is_no_verdict(tmp_path: Path) -> None:
    """What was not judged to the end may yet be killed."""
    assert hunted(SAME, tmp_path, says(3, memory="pass")).fate == "undecided"
    assert hunted(SAME, tmp_path, "import time; time.sleep(600)", 0.5).fate == "undecided"


@pytest.mark.parametrize(
    "code", ["import sys; sys.exit(1)", "import sys; sys.exit(70)", "print(1)"]
)
def test_a_judge_without_a_verdict_kills_nothing(tmp_path: Path, code: str) -> None:
    assert hunted(OVER, tmp_path, code).fate in ("undecided", "survived")


def test_unknown_is_undecided(tmp_path: Path) -> None:
    assert hunted(OVER, tmp_path, says(3, overshoot="unknown")).fate == "undecided"


def test_stillborn(tmp_path: Path) -> None:
    assert hunted(DEAD, tmp_path, says(1, contract="fail")).fate == "stillborn"


def test_a_judge_that_hangs(tmp_path: Path) -> None:
    found = hunted(OVER, tmp_path, "import time; time.sleep(600)", seconds=0.5)
    assert (found.fate, found.why) == ("undecided", "the judge did not end within 0.5 s")


def test_no_verdict_in_the_output() -> None:
    for out in ("", "{", "[]", '{"checks": 3}', '{"checks": [{}]}', "null"):
        assert killed_by(out, "gcra") is None
    assert killed_by('{"checks": []}', "gcra") == []


def test_what_takes_too_long_is_ended_with_its_children() -> None:
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "time.sleep(600)"
    )
    before = set(psutil.Process().children(recursive=True))
    assert run([sys.executable, "-c", code], 1.0, Event()).code is None
    assert set(psutil.Process().children(recursive=True)) <= before


def test_the_plain_judge_kills_and_spares(tmp_path: Path) -> None:
    def judge(target: str) -> list[str]:
        return [sys.executable, "-m", "tests.mutants.by_model", target]

    fates = {
        one.mutant.id: (one.fate, one.why)
        for one in hunt([OVER, SAME], by_command(judge), tmp_path, equivalent={}, seconds=60.0)
    }
    assert fates == {OVER.id: ("killed", "model"), SAME.id: ("survived", "")}


def test_the_judge_in_a_fork_says_what_it_says_by_itself(tmp_path: Path) -> None:
    """And nothing is left of it when it is ended midway."""

    def judge(target: str, seconds: float, stop: Event) -> Ended:
        return judged_in_fork(target, tmp_path, seconds, stop)

    (found,) = hunt([OVER], judge, tmp_path, equivalent={}, seconds=60.0)
    assert found.fate == "killed"
    before = set(psutil.Process().children(recursive=True))
    sleeper = tmp_path / "sleeper.py"
    sleeper.write_text("import time\ntime.sleep(600)\n", encoding="utf-8")
    (found,) = hunt(
        [OVER],
        lambda _, seconds, stop: judge(f"{sleeper}:factory", seconds, stop),
        tmp_path,
        equivalent={},
        seconds=0.3,
    )
    assert (found.fate, found.why) == ("undecided", "the judge did not end within 0.3 s")
    assert set(psutil.Process().children(recursive=True)) <= before


def test_ctrl_c_before_all_are_handed_over_ends_those_that_run(tmp_path: Path) -> None:
    class Interrupted(list[Mutant]):
        def __iter__(self) -> Iterator[Mutant]:
            yield OVER
            begun.wait(30.0)
            raise KeyboardInterrupt

    begun = Event()
    told: list[bool] = []

    def judge(_target: str, seconds: float, stop: Event) -> Ended:
        begun.set()
        told.append(stop.wait(seconds))
        return Ended(None, "")

    with pytest.raises(KeyboardInterrupt):
        next(hunt(Interrupted(), judge, tmp_path, equivalent={}, seconds=30.0))
    assert told == [True]


def test_ctrl_c_ends_in_a_table(tmp_path: Path) -> None:
    """And leaves no process: the judge sleeps for ten minutes."""
    name = next(one.id for one in mutants() if "drop redis.call('ZREMRANGEBYSCORE'" in one.id)
    judge = f"{sys.executable} -c 'import time; time.sleep(600)' {{target}}"
    started = subprocess.Popen(
        [sys.executable, "-m", "tests.mutants", "--only", name, "--judge", judge],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    )
    with started:
        until = time.monotonic() + 60
        while not _judging(started.pid):
            assert time.monotonic() < until
            time.sleep(0.05)
        children = psutil.Process(started.pid).children(recursive=True)
        started.send_signal(signal.SIGINT)
        out, _ = started.communicate(timeout=120)
    assert started.returncode == 130
    assert "stopped by Ctrl-C: 1 mutants were not judged" in out
    assert not [child for child in children if child.is_running()]
    assert list(tmp_path.iterdir()) == []


def _judging(pid: int) -> bool:
    """Whether the judge of `test_ctrl_c_ends_in_a_table` runs."""
    for child in psutil.Process(pid).children(recursive=True):
        try:
            if "time.sleep(600)" in " ".join(child.cmdline()):
                return True
        except psutil.NoSuchProcess:
            continue
    return False
