"""The pure parts of the benchmarks. Nothing is timed here."""

from __future__ import annotations

from itertools import count

import pytest

from benchmarks.__main__ import table
from benchmarks.ceiling import arguments
from benchmarks.closed_loop import rate
from benchmarks.figures import Figure
from benchmarks.recording import pairs, turns


def test_each_round_is_measured_both_ways_and_the_order_alternates() -> None:
    assert turns(3) == (True, False, False, True, True, False)


def test_rounds_are_told_with_the_recorded_half_first() -> None:
    assert pairs((True, False, False, True), (1.0, 2.0, 3.0, 4.0)) == ((1.0, 2.0), (4.0, 3.0))


def test_a_rate_is_growth_over_the_time_that_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = count(100, 2)
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    calls = iter((10, 110))
    assert rate(lambda: next(calls), 1.0) == 50.0


@pytest.mark.parametrize(
    ("value", "target", "met"),
    [(0.95, 0.9, True), (0.9, 0.9, True), (0.89, 0.9, False), (0.1, None, True), (None, 0.9, True)],
)
def test_a_figure_misses_only_a_target_that_it_has(
    value: float | None, target: float | None, met: bool
) -> None:
    assert Figure("x", value, target).met is met


def test_what_was_skipped_says_why() -> None:
    figure = Figure("x", None, note="not installed")
    assert str(figure) == "x: skipped, not installed"
    assert table([figure]).endswith("not installed")


def test_the_table_says_what_missed() -> None:
    text = table([Figure("slow", 0.5, 0.9), Figure("fast", 0.95, 0.9), Figure("told", 0.2)])
    assert [line.split()[-1] for line in text.splitlines()] == ["MISSED", "met", "0.200"]


def test_redis_benchmark_sends_what_lua_atomic_sends() -> None:
    command = arguments("unix:///tmp/a%20b/redis.sock", 16, "digest")
    assert command[:2] == ("-s", "/tmp/a b/redis.sock")  # noqa: S108
    assert command[-8:] == ("EVALSHA", "digest", "1", "hot", "10", "1000000", "1", "")
