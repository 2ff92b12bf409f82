"""Exploring as a part of a run: what each registered limiter shows, and what is not explored."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from limiters.registry import KNOWN, entry, resolve
from limitproof import exploring
from limitproof.check.interleavings import judge_explorations, with_explorations
from limitproof.check.verdict import Cause, CheckResult, Judgement, Verdict
from limitproof.expectations import missed, surprises
from limitproof.explored import Explored
from limitproof.exploring import STOPPED, explore_target
from limitproof.servers.errors import ServerError

NAMES = [known.name for known in KNOWN if known.name != "pipeline"]  # which has a test of its own
OVERSHOOTING = {
    "get_set_json": Cause.RACE,
    "fixed_window_setex": Cause.RACE,
    "no_prune": Cause.RACE,
    "pipeline": Cause.RACE,
    "lua_same_millisecond": Cause.ALGORITHM,
    "lua_unconditional_add": Cause.ALGORITHM,
    "no_prune_fractional_expire": Cause.ALGORITHM,
    "pipeline_cleanup_steals": Cause.ALGORITHM,
    "pipeline_no_cleanup": Cause.ALGORITHM,
    "unlimited": Cause.ALGORITHM,
}
"""These overshoot, and why; no other limiter is shown to."""


def explored(name: str, **more: Any) -> tuple[Explored, ...]:
    return explore_target(resolve(name), 1.0, **{"seconds": 10.0, **more})


def checks(shown: Sequence[Explored]) -> dict[str, CheckResult]:
    return {check.name: check for check in judge_explorations(shown)}


def compare_with_what_is_known(name: str, shown: Sequence[Explored]) -> None:
    # what load would have shown of a fault of the algorithm
    wrong = "algorithm" in entry(name).fails.values()
    loaded = CheckResult("memory", Verdict.FAIL if wrong else Verdict.PASS, "")
    whole = with_explorations(Judgement(name, {}, 0, {}, (loaded,)), shown)
    judgement = Judgement(name, {}, 0, {}, whole.checks[1:])
    assert surprises(entry(name), judgement) == ()
    assert missed(entry(name), whole, shown) == "", [one.sentence for one in shown]
    overshoot = checks(shown)["overshoot"]
    assert (overshoot.verdict is Verdict.FAIL) == (name in OVERSHOOTING)
    assert overshoot.cause is OVERSHOOTING.get(name)


@pytest.mark.parametrize("name", NAMES)
def test_each_registered_limiter_shows_what_is_known_of_it(name: str) -> None:
    compare_with_what_is_known(name, explored(name))


def test_a_pipeline_is_taken_apart_only_where_that_makes_a_difference() -> None:
    # Four pipelines command by command are too many to search: that takes all the time it gets.
    shown = explored("pipeline", seconds=6.0)
    compare_with_what_is_known("pipeline", shown)
    assert [one.granularity for one in shown] == ["packet", "packet", "command", "command"]
    assert shown[0].overshoot is None
    assert [one.granularity for one in explored("lua_atomic")] == ["packet", "packet"]


def test_what_cannot_be_simulated_is_said_and_is_no_pass() -> None:
    (only,) = explored("in_process")
    assert "its state is in the process" in only.doubt
    assert checks((only,))["overshoot"].verdict is Verdict.UNKNOWN


def test_ctrl_c_ends_it_and_passes_nothing() -> None:
    asked = iter((False, True))
    shown = explored("add_then_count", stop=lambda: next(asked, True))
    assert shown[0].refusal is not None
    judged = checks(shown)
    assert judged["overshoot"].verdict is Verdict.UNKNOWN
    assert judged["false-rejection"].verdict is Verdict.FAIL
    assert any(STOPPED in one.doubt for one in shown)


def test_without_a_server_it_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_server(*_: Any, **__: Any) -> Any:
        raise ServerError("libfaketime not found", "pip install libfaketime")

    monkeypatch.setattr(exploring, "search", no_server)
    (only,) = explored("lua_atomic")
    assert "libfaketime not found" in only.doubt
    assert checks((only,))["overshoot"].verdict is Verdict.UNKNOWN


def test_another_promise_is_not_judged_by_the_declared_one() -> None:
    sliding = checks(explored("fixed_window", promise="sliding"))
    assert sliding["overshoot"].verdict is Verdict.PASS
    (only,) = explored("lua_atomic", promise="token:1:20")
    assert "it promises 20 at once" in only.doubt


def test_more_at_once_than_clients_is_said(tmp_path: Path) -> None:
    (tmp_path / "much.py").write_text(
        "from limiters.lua_atomic import LuaAtomic\n"
        "from limiters.promise import TokenBucket\n"
        "class Much(LuaAtomic):\n"
        "    promise = staticmethod(lambda quota: TokenBucket(1.0, 50))\n"
    )
    (only,) = explored(f"{tmp_path}/much.py:Much")
    assert "it promises 50 at once" in only.doubt
