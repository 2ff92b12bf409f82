"""docs/your-own-tests.md is followed to the letter: its files, its commands, what it promises."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pytest_plugin.conftest import Sandbox

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLES = DOCS / "examples"
FEW = ("-k", "contract or overshoot or crash or lost-reply")


@pytest.mark.parametrize("name", ["limiter_with_a_race", "limiter_mended", "test_limiter"])
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
    for source, name in ((limiter, "limiter"), ("test_limiter", "test_limiter")):
        text = (EXAMPLES / f"{source}.py").read_text(encoding="utf-8")
        (sandbox.folder / f"{name}.py").write_text(text, encoding="utf-8")
    sandbox.run(*FEW, budget=12).stdout.fnmatch_lines([f"test_limiter.py::TestMine: {said}"])
