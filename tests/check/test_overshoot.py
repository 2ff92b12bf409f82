"""`overshoot`: planted faults are found and named, and nothing passes that showed nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from limitproof.check.overshoot import overshoot
from limitproof.check.verdict import Cause, CheckResult, Verdict
from limitproof.check.yardstick import promise_of_meta
from limitproof.history.columns import History, Key, Operations
from limitproof.history.outcome import Outcome
from tests.check.models import (
    Model,
    aligned,
    bucket,
    fixed,
    get_set,
    ideal,
    refreshed,
    same_millisecond,
    unlimited,
)
from tests.check.worlds import EPOCH, MS, SECOND, at_once, history, one_after_the_other, run


def check(given: History) -> CheckResult:
    return overshoot(given, promise_of_meta(given.meta))


def admissions(*instants_ms: float, limit: int = 3, **meta: object) -> History:
    """Exact admissions, and one refusal at the end."""
    at = [EPOCH + round(ms * MS) for ms in (*instants_ms, 10_000)]
    outcome = [Outcome.ADMITTED] * len(instants_ms) + [Outcome.REJECTED]
    return history(Operations.of(at, outcome=outcome), limit=limit, **meta)  # type: ignore[arg-type]


CONTROL = one_after_the_other(10, 0.01, key=1)


def test_a_race_is_found_and_told_from_the_algorithm() -> None:
    result = check(run(get_set, [*at_once(12), *CONTROL]))
    assert result.verdict is Verdict.FAIL
    assert result.cause is Cause.RACE
    assert "it takes a race" in result.because
    assert "one client after the other (1 key) kept its promise" in result.because
    assert result.measured["overshoot"] >= 1
    assert result.measured["exact_overshoot"] >= 1
    assert result.measured["possible_overshoot"] >= result.measured["overshoot"]
    assert 1 <= result.measured["excess"] <= 9
    assert result.evidence is not None
    assert result.evidence.key == "user:0"
    assert result.evidence.total == result.measured["peak"] == len(result.evidence.rows)
    assert {row["outcome"] for row in result.evidence.rows} == {"admitted"}
    assert result.evidence.end - result.evidence.start < SECOND


def test_without_a_sequential_control_the_cause_is_not_told() -> None:
    result = check(run(get_set, at_once(12)))
    assert result.verdict is Verdict.FAIL
    assert result.cause is None
    assert "no sequential control" in result.because


def test_what_happens_to_one_client_alone_is_the_algorithm() -> None:
    # concurrent traffic violates as well, and more; the sequential key decides the cause
    result = check(run(unlimited, [*at_once(12), *CONTROL]))
    assert result.verdict is Verdict.FAIL
    assert result.cause is Cause.ALGORITHM
    assert result.measured["peak"] == 12
    assert result.measured["ratio"] == 4.0
    assert result.evidence is not None
    assert result.evidence.key == "user:1"
    assert result.evidence.total == 10
    assert result.because.startswith("12 were admitted within one window of 1 s")
    assert result.because.endswith("; 10 with one client after the other, so it needs no race")


def test_a_scenario_of_one_client_at_a_time_is_the_evidence() -> None:
    # more is admitted on a key that two clients met on only later; the calm scenario shows it
    crowd = [*one_after_the_other(20, 0.01), *at_once(5, start=5.0)]
    given = run(
        unlimited, [*crowd, *CONTROL], keys=[Key("hot", "burst", 8), Key("calm", "take_turns")]
    )
    result = check(given)
    assert result.cause is Cause.ALGORITHM
    assert result.measured["peak"] == 20
    assert result.evidence is not None
    assert (result.evidence.scenario, result.evidence.total) == ("take_turns", 10)
    assert "10 with one client after the other" in result.because


def test_a_violation_before_the_first_overlap_is_the_algorithm() -> None:
    result = check(run(unlimited, [*one_after_the_other(10, 0.01), *at_once(5, start=5.0)]))
    assert result.cause is Cause.ALGORITHM


def test_equal_milliseconds_that_count_once() -> None:
    quick = one_after_the_other(8, 0.000_1)
    assert check(run(same_millisecond, quick, limit=3)).cause is Cause.ALGORITHM


@pytest.mark.parametrize(
    ("model", "kind"), [(ideal, "sliding"), (fixed, "fixed"), (aligned, "fixed"), (bucket, "token")]
)
def test_a_limiter_that_keeps_its_promise_passes(model: Model, kind: str) -> None:
    requests = [*one_after_the_other(400, 0.011), *at_once(40, start=6.0), *at_once(9, start=7.2)]
    result = check(run(model, requests, limit=5, kind=kind))
    assert result.verdict is Verdict.PASS, result.because
    assert result.measured["overshoot"] == result.measured["excess"] == 0
    more = f"up to {5 + result.measured['sliding_overshoot']} within 1 s"
    assert (more in result.because) == (result.measured["sliding_overshoot"] > 0)
    if kind == "token":
        assert "more than a bucket of 5 and got no more than its burst and rate" in result.because


@pytest.mark.parametrize("kind", ["fixed", "token"])
def test_an_unlimited_one_breaks_every_promise(kind: str) -> None:
    result = check(run(unlimited, one_after_the_other(400, 0.011), limit=5, kind=kind))
    assert result.verdict is Verdict.FAIL
    assert result.cause is Cause.ALGORITHM
    assert result.measured["excess"] > 300


def test_the_burst_that_a_fixed_window_allows_is_told_not_failed() -> None:
    edge = admissions(990, 991, 992, 1001, 1002, 1003, kind="fixed")
    told = check(edge)
    assert told.verdict is Verdict.PASS
    assert told.measured["sliding_overshoot"] == 3
    assert told.because == (
        "1 key asked for more than 3 a window and got no more than its windows allow "
        "(up to 6 within 1 s across an edge, which fixed windows permit)"
    )
    held = check(admissions(990, 991, 992, 1001, 1002, 1003))
    assert held.verdict is Verdict.FAIL
    assert held.measured["overshoot"] == 3


def test_one_too_many_in_each_of_many_fixed_windows() -> None:
    # any two windows' quotas would allow 6 at an edge; eleven windows hold 40, not 33
    bursts = [1000 * w + i for w in range(10) for i in range(4)]
    assert check(admissions(*bursts, kind="fixed")).verdict is Verdict.FAIL


def test_one_instant_lies_in_one_fixed_window() -> None:
    result = check(admissions(5, 5, 5, 5, kind="fixed"))
    assert result.verdict is Verdict.FAIL
    assert result.measured["overshoot"] == 1


@pytest.mark.parametrize(("after", "overshoot"), [(998.9, 1), (999.0, 0)])
def test_a_millisecond_at_the_edge_is_not_held_against_it(after: float, overshoot: int) -> None:
    result = check(admissions(0, 1, 2, after))
    assert result.measured["overshoot"] == result.measured["exact_overshoot"] == overshoot
    assert result.measured["tolerance_ms"] == 1.0


def test_infeasible_although_no_window_is_certainly_too_full() -> None:
    # limit 1: any two of them fit, all three do not
    operations = Operations.of(
        [EPOCH, EPOCH, EPOCH, EPOCH + 9 * SECOND],
        [EPOCH + round(1.5 * SECOND)] * 3 + [EPOCH + 9 * SECOND],
        client=range(4),
        outcome=[2, 2, 2, 3],
    )
    result = check(history(operations, limit=1))
    assert result.verdict is Verdict.FAIL
    assert result.measured["exact_overshoot"] == result.measured["overshoot"] == 1
    assert result.evidence is not None
    assert result.evidence.total == 3


def test_clocks_that_may_be_off_widen_every_interval() -> None:
    crowded = admissions(0, 1, 2, 900)
    assert check(crowded).measured["overshoot"] == 1
    off = replace(crowded, meta=replace(crowded.meta, clock_error=0.1))
    assert check(off).measured["overshoot"] == 0


def test_an_operation_of_unknown_end_is_possible_never_certain() -> None:
    at = [EPOCH + i * MS for i in range(4)]
    outcome = [Outcome.ADMITTED, Outcome.ADMITTED, Outcome.ADMITTED, Outcome.UNKNOWN]
    result = check(history(Operations.of(at, at, outcome=outcome)))
    assert result.verdict is Verdict.UNKNOWN
    assert result.measured["overshoot"] == 0
    assert result.measured["possible_overshoot"] == 1


@pytest.mark.parametrize(
    ("operations", "because"),
    [
        (Operations.of([]), "no operation was decided"),
        (Operations.of([EPOCH] * 9, outcome=Outcome.REJECTED), "nothing was admitted"),
        (Operations.of([EPOCH] * 9, outcome=Outcome.DROPPED), "no operation was decided"),
        (Operations.of([EPOCH, EPOCH]), "no key was asked for more"),
        (Operations.of([EPOCH + i * SECOND for i in range(9)]), "no key was asked for more"),
    ],
)
def test_what_shows_nothing_is_unknown(operations: Operations, because: str) -> None:
    result = check(history(operations))
    assert result.verdict is Verdict.UNKNOWN
    assert because in result.because


def test_an_interrupted_run_never_passes_but_still_fails() -> None:
    fine = run(ideal, one_after_the_other(30, 0.01), interrupted="Ctrl-C")
    assert check(fine).verdict is Verdict.UNKNOWN
    assert "Ctrl-C" in check(fine).because
    bad = run(unlimited, one_after_the_other(30, 0.01), interrupted="Ctrl-C")
    assert check(bad).verdict is Verdict.FAIL


def test_cost_is_counted_in_units() -> None:
    at = [EPOCH, EPOCH + MS, EPOCH + 2 * MS]
    dear = history(Operations.of(at, cost=[2, 2, 1], outcome=[2, 2, 3]))
    result = check(dear)
    assert result.verdict is Verdict.FAIL
    assert result.measured["overshoot"] == 1


def test_many_keys_are_judged_as_each_one_alone() -> None:
    random = np.random.default_rng(3)
    n, keys = 4_000, 40
    start = EPOCH + np.sort(random.integers(0, 20 * SECOND, n))
    operations = Operations.of(
        start,
        start + random.integers(0, 300 * MS, n),
        key=random.integers(0, keys, n),
        outcome=random.choice([1, 2, 2, 3], n),
    )
    together = check(history(operations, limit=4))
    alone = [check(history(operations.select(operations.key == k), limit=4)) for k in range(keys)]
    for figure in ("overshoot", "possible_overshoot", "peak"):
        assert together.measured[figure] == max(one.measured[figure] for one in alone)
    assert together.measured["admitted"] == sum(one.measured["admitted"] for one in alone)


def test_starvation_is_no_overshoot() -> None:
    assert check(run(refreshed, one_after_the_other(300, 0.05))).verdict is Verdict.PASS


LIMIT = 10


def twenty_in_a_row() -> Operations:
    at = [EPOCH + i * MS for i in range(20)]
    outcome = [Outcome.ADMITTED] * LIMIT + [Outcome.REJECTED] * (20 - LIMIT)
    return Operations.of(at, at, outcome=outcome)


def test_a_run_meant_to_show_races_needs_two_clients_at_once() -> None:
    """`--clients 1`, or a scenario cut to nothing: the sequential controls prove no race away."""
    alone = history(twenty_in_a_row(), limit=LIMIT, keys=[Key("hot", "burst", 8)])
    assert check(alone).verdict is Verdict.PASS
    meant = replace(alone, meta=replace(alone.meta, contended=("burst",)))
    assert check(meant).verdict is Verdict.UNKNOWN
    assert "two clients at once" in check(meant).because
    rows = twenty_in_a_row()
    longer = replace(rows, response=rows.invocation + 3 * MS, client=np.arange(20, dtype=np.int32))
    met = replace(meant, operations=longer)
    assert check(met).verdict is Verdict.PASS
    elsewhere = replace(met, meta=replace(met.meta, contended=("sustained",)))
    assert check(elsewhere).verdict is Verdict.UNKNOWN


def test_costs_beyond_measure_are_not_taken_apart() -> None:
    """Twenty operations of 50 million units each would be eight gigabytes of ones."""
    at = EPOCH + np.arange(20) * MS
    huge = Operations.of(at, at + 5 * MS, cost=50_000_000)
    result = check(history(huge, limit=500_000_000))
    assert result.verdict is Verdict.FAIL
    assert result.measured["overshoot"] > 0
