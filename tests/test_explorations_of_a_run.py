"""Exploring as a part of a run: what each registered limiter shows, and what is not explored."""

from __future__ import annotations

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

NAMES = [known.name for known in KNOWN]


def explored(name: str, **more: Any) -> tuple[Explored, ...]:
    return explore_target(resolve(name), 1.0, **{"seconds": 10.0, **more})


def found(name: str, **more: Any) -> dict[str, CheckResult]:
    return {check.name: check for check in judge_explorations(explored(name, **more))}


@pytest.mark.parametrize("name", NAMES)
def test_each_registered_limiter_shows_what_is_known_of_it(name: str) -> None:
    shown = explored(name)
    # what load would have shown of a fault of the algorithm
    wrong = "algorithm" in entry(name).fails.values()
    loaded = CheckResult("memory", Verdict.FAIL if wrong else Verdict.PASS, "")
    whole = with_explorations(Judgement(name, {}, 0, {}, (loaded,)), shown)
    judgement = Judgement(name, {}, 0, {}, whole.checks[1:])
    assert surprises(entry(name), judgement) == ()
    assert missed(entry(name), whole, shown) == "", [one.sentence for one in shown]


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("pipeline", Cause.RACE),
        ("get_set_json", Cause.RACE),
        ("no_prune", Cause.RACE),
        ("fixed_window_setex", Cause.RACE),
        ("lua_same_millisecond", Cause.ALGORITHM),
        ("no_prune_fractional_expire", Cause.ALGORITHM),
        ("unlimited", Cause.ALGORITHM),
    ],
)
def test_these_overshoot(name: str, cause: Cause) -> None:
    overshoot = found(name)["overshoot"]
    assert (overshoot.verdict, overshoot.cause) == (Verdict.FAIL, cause)


def test_a_pipeline_is_taken_apart_only_where_that_makes_a_difference() -> None:
    assert [one.granularity for one in explored("pipeline")] == [
        "packet", "packet", "command", "command",
    ]  # fmt: skip
    assert [one.granularity for one in explored("lua_atomic")] == ["packet", "packet"]
    packet, *_, _ = explored("pipeline")
    assert packet.overshoot is None


def test_what_cannot_be_simulated_is_said_and_is_no_pass() -> None:
    (only,) = explored("in_process")
    assert "its state is in the process" in only.doubt
    assert found("in_process")["overshoot"].verdict is Verdict.UNKNOWN


def test_ctrl_c_ends_it_and_passes_nothing() -> None:
    asked = iter((False, True))
    shown = explored("add_then_count", stop=lambda: next(asked, True))
    assert shown[0].refusal is not None
    judged = {check.name: check.verdict for check in judge_explorations(shown)}
    assert (judged["overshoot"], judged["false-rejection"]) == (Verdict.UNKNOWN, Verdict.FAIL)
    assert any(STOPPED in one.doubt for one in shown)


def test_without_a_server_it_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_server(*_: Any, **__: Any) -> Any:
        raise ServerError("libfaketime not found", "pip install libfaketime")

    monkeypatch.setattr(exploring, "search", no_server)
    (only,) = explored("lua_atomic")
    assert "libfaketime not found" in only.doubt
    assert found("lua_atomic")["overshoot"].verdict is Verdict.UNKNOWN


def test_another_promise_is_not_judged_by_the_declared_one() -> None:
    assert found("fixed_window", promise="sliding")["overshoot"].verdict is Verdict.PASS
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
