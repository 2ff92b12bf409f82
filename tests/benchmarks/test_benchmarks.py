"""The pure parts of the benchmarks. Nothing is timed here."""

from __future__ import annotations

from itertools import count

import pytest
import redis

from benchmarks.ceiling import RANDOM, arguments
from benchmarks.closed_loop import KEY, QUOTA, rate
from benchmarks.figures import Figure, exit_code, median_interval
from benchmarks.recording import pairs, turns
from limiters.lua_atomic import LuaAtomic
from limitproof.check.verdict import Verdict


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
    ("ratios", "target", "verdict", "code"),
    [
        ([0.95] * 20, 0.9, Verdict.PASS, 0),
        ([0.9] * 20, 0.9, Verdict.PASS, 0),
        ([0.89] * 20, 0.9, Verdict.FAIL, 1),
        ([0.5, 1.5] * 10, 0.9, Verdict.UNKNOWN, 3),
        ([0.1] * 20, None, Verdict.NOT_TOLD, 0),
        ([], 0.9, Verdict.NOT_TOLD, 0),
    ],
)
def test_a_target_is_met_or_missed_only_where_the_noise_lets_one_say(
    ratios: list[float], target: float | None, verdict: Verdict, code: int
) -> None:
    figure = Figure("x", ratios, target)
    assert figure.verdict is verdict
    assert exit_code([figure]) == code


def test_the_median_lies_between_two_of_the_values() -> None:
    # n = 20: P(at most 5 below the median) = 0.0207, at most 6: 0.0577
    assert median_interval([float(one) for one in range(20, 0, -1)]) == (6.0, 15.0)
    assert median_interval([3.0, 1.0, 2.0]) == (1.0, 3.0)
    assert median_interval([2.0]) == (2.0, 2.0)


def test_a_figure_says_what_came_of_it() -> None:
    assert str(Figure("x", note="not installed")) == "x: skipped, not installed"
    assert str(Figure("x", [0.5] * 6)) == "x: median 0.500 (95 %: 0.500 to 0.500)"
    assert str(Figure("x", [0.5] * 6, 0.9)).endswith("target >= 0.90 MISSED")
    assert str(Figure("x", [0.95] * 6, 0.9)).endswith("target >= 0.90 met")


def test_redis_benchmark_sends_what_lua_atomic_sends() -> None:
    sent: list[tuple[object, ...]] = []

    class Client(redis.Redis):
        def evalsha(self, *words: object) -> list[int]:
            sent.append(words)
            return [1, 9, 0]

    LuaAtomic(Client(), QUOTA, lambda: 0.0).acquire(KEY)
    command = arguments("unix:///tmp/a%20b/redis.sock", 16, str(sent[0][0]))
    assert command[:2] == ("-s", "/tmp/a b/redis.sock")  # noqa: S108
    words = [str(word) for word in sent[0]]
    told = command[command.index("EVALSHA") + 1 :]
    assert told[:-1] == tuple(words[:-1])
    assert len(told[-1]) == len(words[-1])
    assert RANDOM in told[-1]
    assert "-r" in command
