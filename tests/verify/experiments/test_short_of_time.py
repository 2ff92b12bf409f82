"""When the time is over after a story or two, a check that has not failed is unknown."""

from __future__ import annotations

import pytest

from limitproof.check.verdict import Verdict
from limitproof.verify.experiments.catalogue import EXPERIMENTS
from limitproof.verify.laboratory import Check, Laboratory
from tests.verify.experiments.conftest import OpenLaboratory


@pytest.mark.parametrize("looks", [1, 2, 3, 4])
@pytest.mark.parametrize("check", EXPERIMENTS, ids=lambda one: one.name)
def test_no_story_is_taken_for_granted(
    laboratory_of: OpenLaboratory, monkeypatch: pytest.MonkeyPatch, check: Check, looks: int
) -> None:
    """The check asks so many times how much time is left, and then there is none."""
    left = iter([1.0] * looks)
    monkeypatch.setattr(Laboratory, "left", property(lambda _: next(left, 0.0)))
    result = check.examine(laboratory_of("lua_atomic")).result
    assert result.verdict in (Verdict.UNKNOWN, Verdict.PASS)
    assert result.complete is (result.verdict is Verdict.PASS)
    if check.name == "memory":  # four stories, and a look at the time before each
        assert result.complete is (looks == 4)
