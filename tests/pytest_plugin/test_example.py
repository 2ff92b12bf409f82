"""docs/your-own-tests.md is followed to the letter: its files, its commands, what it promises."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from limitproof.exploring import RUNGS
from limitproof.verify import interleavings
from tests.pytest_plugin.conftest import Sandbox

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLES = DOCS / "examples"
CHECKS = ("contract", "overshoot", "crash", "lost-reply")
FEW = ("-k", " or ".join(CHECKS))


@pytest.mark.parametrize(
    "name", ["limiter_with_a_race", "limiter_mended", "test_limiter", "rate", "test_rate"]
)
def test_the_text_shows_the_files_that_are_run(name: str) -> None:
    text = (DOCS / "your-own-tests.md").read_text(encoding="utf-8")
    assert (EXAMPLES / f"{name}.py").read_text(encoding="utf-8") in text


@pytest.mark.parametrize(
    ("limiter", "said"),
    [
        ("limiter_with_a_race", "fail: overshoot, crash; accepted: lost-reply; 1 pass"),
        ("limiter_mended", "accepted: lost-reply; 3 pass"),
    ],
)
def test_the_race_is_found_and_the_script_mends_it(
    sandbox: Sandbox, limiter: str, said: str
) -> None:
    copied(sandbox, {limiter: "limiter", "test_limiter": "test_limiter"})
    sandbox.run(*FEW).stdout.fnmatch_lines([f"test_limiter.py::TestMine: {said}"])


def copied(sandbox: Sandbox, names: dict[str, str]) -> None:
    """Examples, each under the name by which the text calls it."""
    for source, name in names.items():
        text = (EXAMPLES / f"{source}.py").read_text(encoding="utf-8")
        (sandbox.folder / f"{name}.py").write_text(text, encoding="utf-8")


def test_the_target_of_the_text_needs_no_class(sandbox: Sandbox) -> None:
    copied(sandbox, {"limiter_mended": "limiter"})
    text = (DOCS / "your-own-tests.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"^    pytest (--limitproof-target .*)$", text, re.M)
    result = sandbox.run(*command.split(), f"--limitproof-checks={','.join(CHECKS)}")
    result.stdout.fnmatch_lines(["limitproof::TestTarget: accepted: lost-reply; 3 pass"])


def test_a_limiter_that_exists_is_asked_by_an_adapter(sandbox: Sandbox) -> None:
    copied(sandbox, {"rate": "rate", "test_rate": "test_rate"})
    assert "limitproof" not in (EXAMPLES / "rate.py").read_text(encoding="utf-8")
    result = sandbox.run("-k", "contract or overshoot or crash or expiry")
    result.stdout.fnmatch_lines(["test_rate.py::TestRate: 4 pass"])


ASKED = """
from limiters.lua_atomic import LuaAtomic
from limitproof.testing import LimiterContract

asked = set()

class TestMine(LimiterContract):
    def make_limiter(self, client, quota, clock):
        asked.add((quota.limit, quota.window))
        return LuaAtomic(client, quota, clock)

def test_last():
    print("ASKED", sorted(asked))
"""


def test_a_correct_limiter_is_green_and_asked_the_quotas_of_the_text(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interleavings, "RUNGS", RUNGS)
    sandbox.write(ASKED)
    result = sandbox.run("-s", budget=120)
    result.assert_outcomes(passed=17)
    result.stdout.fnmatch_lines(["test_mine.py::TestMine: 16 pass"])
    (line,) = [one for one in result.outlines if "ASKED" in one]
    asked = set(ast.literal_eval(line.partition("ASKED ")[2]))
    told = {(limit, 1.0) for limit in (1, 2, 3, 4, 6, 20, 30, 12_000)}
    told |= {(3, window) for window in (0.05, 0.5, 1.387, 1.5, 60.0)}
    assert asked == told | {(6, 60.0), (30, 60.0)}
