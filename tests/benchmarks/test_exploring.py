"""How fast a search is, and how soon a race is shown: what is counted, not how fast it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import benchmarks.__main__ as everything
from benchmarks import one_cpu
from benchmarks.exploring import completely, stateless
from benchmarks.figures import Figure
from benchmarks.first_violation import Race, Setting, command, racy, settings, shown
from limiters.entries import REGISTRY
from limitproof.check.verdict import Verdict

SETTING = Setting(2, 1, "packet")


def test_a_race_is_looked_for_from_the_smallest_setting_on() -> None:
    every = list(settings())
    assert every[:3] == [SETTING, Setting(2, 1, "command"), Setting(3, 1, "packet")]
    assert all(one.limit < one.clients for one in every)


def test_every_registered_limiter_with_a_race_is_measured() -> None:
    names = racy(REGISTRY)
    assert {"get_set_json", "pipeline", "no_prune", "add_then_count"} <= set(names)
    assert not {"lua_atomic", "fixed_window", "unlimited"} & set(names)


@pytest.mark.parametrize(
    ("verdict", "cause", "check"),
    [("fail", "race", "overshoot"), ("fail", "algorithm", ""), ("pass", None, "")],
)
def test_only_a_race_counts_as_shown(verdict: str, cause: str | None, check: str) -> None:
    said: dict[str, Any] = {"checks": [{"name": "overshoot", "verdict": verdict, "cause": cause}]}
    assert shown(said) == check


def test_a_race_is_met_by_process_time_and_only_when_shown() -> None:
    quick = Race("x", SETTING, "overshoot", (0.5, 0.9, 1.5), (3.0, 3.0, 3.0))
    assert quick.met
    assert "process time 0.90 s, wall-clock 3.00 s" in str(quick)
    assert not replace(quick, processor=(1.1, 1.2, 0.5)).met
    assert not Race("x").met
    assert "not shown" in str(Race("x"))


def test_the_command_is_run_whole_and_its_own_time_is_told() -> None:
    ran = command("get_set_json", SETTING)
    assert shown(ran.said) == "overshoot"
    assert ran.processor > 0
    assert ran.wall > 0
    assert shown(command("lua_atomic", SETTING).said) == ""


def test_a_command_that_breaks_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="exit code 2"):
        command("no_such_limiter", SETTING)


def test_a_search_that_is_not_complete_misses_its_target(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert completely("lua_atomic", 2, 1, 1e6).verdict is Verdict.PASS
    assert completely("in_process", 2, 1, 1e6).verdict is Verdict.FAIL
    assert "which stand for" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("codes", "ratio", "exit_code"), [((0, 0, 0), 1.5, 0), ((0, 1, 0), 1.5, 1), ((0, 0, 0), 0.5, 1)]
)
def test_a_benchmark_that_fails_fails_them_all(
    codes: tuple[int, ...],
    ratio: float,
    exit_code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    figure = Figure("x", [ratio], 1.0)
    monkeypatch.setattr("benchmarks.recording.main", lambda: Figure("y", [1.0], 0.9))
    monkeypatch.setattr("benchmarks.ceiling.main", lambda: Figure("z", note="not installed"))
    monkeypatch.setattr("benchmarks.exploring.main", lambda: [figure])
    monkeypatch.setattr("benchmarks.one_cpu.main", lambda: [Figure("w", [2.0])])
    ended = dict(zip(everything.PROCESSES, codes, strict=True))
    monkeypatch.setattr(everything, "_run", ended.__getitem__)
    assert everything.main() == exit_code
    said = capsys.readouterr().out.splitlines()
    assert {str(figure), str(Figure("w", [2.0]))} <= set(said)
    assert [line for line in said if "FAILED" in line] == [
        f"{name}: FAILED, exit {code}, see above" for name, code in ended.items() if code
    ]


def test_stateless_runs_are_counted_in_rounds() -> None:
    rates = stateless(2, rounds=2, seconds=0.05)
    assert len(rates) == 2
    assert min(rates) > 0


def test_one_cpu_and_any_are_measured_in_turns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, less in (("ROUNDS", 2), ("SECONDS", 0.05), ("ASKED", 20)):
        monkeypatch.setattr(one_cpu, name, less)
    trips, runs = one_cpu.main()
    assert len(trips.ratios) == len(runs.ratios) == 2
    assert min(*trips.ratios, *runs.ratios) > 0
    _, shared, apart, *figures = capsys.readouterr().out.splitlines()
    assert shared.startswith("  one: round trip ")
    assert apart.startswith("  any: round trip ")
    assert figures == [f"  {trips}", f"  {runs}"]
