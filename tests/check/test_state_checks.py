"""`memory` and `expiry`: what a limiter leaves on the server, by planted series of samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest

from limitproof.check.expiry import expiry
from limitproof.check.footprint import NOBODY, owners
from limitproof.check.growth import grows, theil_sen
from limitproof.check.memory import memory
from limitproof.check.verdict import Cause, CheckResult, Verdict
from limitproof.check.yardstick import promise_of_meta
from limitproof.history.columns import History, Key, Operations, StateSeries
from limitproof.history.outcome import Outcome
from tests.check.worlds import EPOCH, SECOND, history

LIMIT, CLIENTS = 10, 4
Held = Mapping[str, tuple[int, int, int]]  # size, elements, ttl in ms
State = Callable[[float], Held]


def sampled(state: State, until: float = 12.0, every: float = 0.25) -> StateSeries:
    at = [i * every for i in range(1, int(until / every) + 1)]
    rows = [(t, name, held) for t in at for name, held in state(t).items()]
    names = tuple(dict.fromkeys(name for _, name, _ in rows))
    return StateSeries(
        names=names,
        instants=np.array([EPOCH + round(t * SECOND) for t in at], dtype=np.int64),
        instant=np.array([EPOCH + round(t * SECOND) for t, _, _ in rows], dtype=np.int64),
        name=np.array([names.index(name) for _, name, _ in rows], dtype=np.int32),
        size=np.array([held[0] for _, _, held in rows], dtype=np.int64),
        elements=np.array([held[1] for _, _, held in rows], dtype=np.int64),
        ttl=np.array([held[2] for _, _, held in rows], dtype=np.int64),
    )


def sustained(state: State, *, rate: int = 100, seconds: float = 8.0, **meta: object) -> History:
    """`rate` requests a second on one hot key, sampled for longer than that."""
    at = EPOCH + (np.arange(int(rate * seconds)) * (SECOND // rate))
    return history(
        Operations.of(at, outcome=[2, 3] * (len(at) // 2)),
        limit=LIMIT,
        keys=[Key("hot", "sustained", CLIENTS)],
        state=sampled(state),
        **meta,  # type: ignore[arg-type]
    )


def idle(state: State, *, each_second: int = 20, seconds: float = 8.0) -> History:
    """`each_second` new keys a second, used twice and never again."""
    number = np.repeat(np.arange(int(each_second * seconds)), 2)
    return history(
        Operations.of(EPOCH + number * (SECOND // each_second), key=number),
        limit=LIMIT,
        keys=[Key(f"user:{i}", "idle", 2) for i in range(int(number[-1]) + 1)],
        state=sampled(state),
    )


def check(given: History) -> CheckResult:
    return memory(given, promise_of_meta(given.meta))


def gone(given: History) -> CheckResult:
    return expiry(given, promise_of_meta(given.meta))


def log_of(entries: float, ttl: int = 1000) -> tuple[int, int, int]:
    return 80 + 40 * int(entries), int(entries), ttl


def bounded(t: float) -> Held:
    wobble = int(3 * np.sin(9 * t))
    return {"rl:hot": log_of(LIMIT + wobble)} if t < 9 else {}


def never_pruned(t: float) -> Held:
    return {"rl:hot": log_of(100 * min(t, 8.0))}


def stores_refused(t: float) -> Held:
    return {"rl:hot": log_of(100 * min(t, 1.0))}


def one_key_a_request(t: float) -> Held:
    return {f"rl:hot:{int(t * 4)}:{i}": (60, 1, 900) for i in range(100)}


def side_key_that_grows(t: float) -> Held:
    return {"rl:hot": log_of(LIMIT), "rl:everybody": log_of(50 * t, -1)}


def json_log(t: float) -> Held:
    return {"rl:hot": (90 + 14 * LIMIT, 14 * LIMIT, 1000)} if t < 9 else {}


def test_level_memory_passes() -> None:
    result = check(sustained(bounded))
    assert result.verdict is Verdict.PASS, result.because
    assert result.measured["full_1gb_at"] is None
    assert result.measured["peak_entries"] <= 13
    assert check(sustained(json_log)).verdict is Verdict.PASS


def test_a_log_that_is_never_pruned_is_a_leak() -> None:
    result = check(sustained(never_pruned))
    assert result.verdict is Verdict.FAIL
    assert result.cause is Cause.ALGORITHM
    assert result.measured["bytes_per_request"] == pytest.approx(40, rel=0.05)
    assert result.measured["entries_per_window"] == pytest.approx(100, rel=0.05)
    assert result.measured["full_1gb_at"].startswith("2023-11-18")
    assert "grows with time" in result.because


@pytest.mark.parametrize("state", [stores_refused, one_key_a_request])
def test_refused_requests_that_are_stored(state: State) -> None:
    result = check(sustained(state))
    assert result.verdict is Verdict.FAIL
    assert "bounded by the traffic" in result.because
    assert result.measured["peak_entries"] >= 100 > result.measured["bound_entries"]


def growing_load(held: Callable[[float], float]) -> History:
    """100 requests a second at first, 800 at the end of 8 s; a log of `held(t)` entries."""
    at = EPOCH + (np.sqrt(np.linspace(0.0, 64.0, 3600)) * SECOND).astype(np.int64)
    return history(
        Operations.of(at, outcome=[2, 3] * (len(at) // 2)),
        limit=LIMIT,
        keys=[Key("hot", "sustained", CLIENTS)],
        state=sampled(lambda t: {"rl:hot": log_of(held(min(t, 8.0)))}),
    )


def test_more_traffic_is_told_apart_from_a_leak() -> None:
    """A log of the last window's requests grows with them; one of all requests outgrows them."""

    def sent(t: float) -> float:
        return 3600 * max(t, 0.0) ** 2 / 64

    by_traffic = check(growing_load(lambda t: sent(t) - sent(t - 1)))
    assert by_traffic.verdict is Verdict.FAIL
    assert "by the traffic" in by_traffic.because
    leak = check(growing_load(sent))
    assert leak.verdict is Verdict.FAIL
    assert "grows with time" in leak.because


def test_a_key_beside_the_clients_keys_that_grows() -> None:
    result = check(sustained(side_key_that_grows))
    assert result.verdict is Verdict.FAIL
    assert "grows with time" in result.because
    assert result.measured["side_keys"] == 1


def living(lifetime: float, suffix: str = "") -> State:
    """Every user's key for `lifetime` seconds after its birth, and one beside it for ever."""

    def state(t: float) -> Held:
        born = range(int(min(t, 8.0) * 20))
        held: dict[str, tuple[int, int, int]] = {
            f"rl:user:{i}": log_of(2, max(1, round(1000 * (i / 20 + lifetime - t))))
            for i in born
            if t < i / 20 + lifetime
        }
        if suffix:
            held |= {f"rl:user:{i}{suffix}": (64, 1, -1) for i in born}
        return held

    return state


@pytest.mark.parametrize("lifetime", [1.0, 2.0])
def test_ever_new_keys_that_vanish_are_level(lifetime: float) -> None:
    assert check(idle(living(lifetime))).verdict is Verdict.PASS
    assert gone(idle(living(lifetime))).verdict is Verdict.PASS


def test_an_immortal_key_for_every_client() -> None:
    given = idle(living(1.0, ":seq"))
    assert check(given).verdict is Verdict.FAIL
    result = gone(given)
    assert result.verdict is Verdict.FAIL
    assert result.cause is Cause.ALGORITHM
    assert result.measured["immortal"] == 160
    assert "never expires" in result.because
    assert result.evidence is not None
    assert result.evidence.rows[0]["ttl_ms"] == -1


def test_a_ttl_far_longer_than_the_window() -> None:
    result = gone(sustained(lambda _: {"rl:hot": log_of(3, 86_400_000)}))
    assert result.verdict is Verdict.FAIL
    assert result.measured["lingering"] == 1


def test_what_is_about_to_expire_is_only_named() -> None:
    result = gone(sustained(lambda _: {"rl:hot": log_of(3, 500)}))
    assert result.verdict is Verdict.PASS
    assert result.measured["names"] == ["rl:hot"]


def test_what_was_not_watched_long_enough_is_unknown() -> None:
    assert gone(sustained(bounded, seconds=11.0)).verdict is Verdict.UNKNOWN
    short = check(sustained(bounded, seconds=2.0))
    assert short.verdict is Verdict.UNKNOWN
    assert "windows" in short.because


def test_too_little_traffic_cannot_tell_the_quota_from_the_traffic() -> None:
    result = check(sustained(bounded, rate=20))
    assert result.verdict is Verdict.UNKNOWN
    assert "too little traffic" in result.because


@pytest.mark.parametrize("judge", [check, gone])
def test_no_samples_no_keys_and_no_operations_are_unknown(
    judge: Callable[[History], CheckResult],
) -> None:
    operations = Operations.of([EPOCH])
    assert judge(history(operations)).verdict is Verdict.UNKNOWN
    assert judge(history(operations, state=sampled(lambda _: {}))).verdict is Verdict.UNKNOWN
    assert judge(history(Operations.of([]), state=sampled(bounded))).verdict is Verdict.UNKNOWN
    dropped = Operations.of([EPOCH], outcome=Outcome.DROPPED)
    assert judge(history(dropped, state=sampled(bounded))).verdict is Verdict.UNKNOWN


def test_interrupted_runs_do_not_pass() -> None:
    given = sustained(bounded, interrupted="Ctrl-C")
    assert check(given).verdict is gone(given).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["rl:user:1", "rl:user:10", "rl:user:1:seq"], [0, 1, 0]),
        (["rl:user:10", "rl:user:1"], [1, 0]),
        (["{user:1}:a", "rl:everybody", "user:10"], [0, NOBODY, 1]),
    ],
)
def test_a_name_belongs_to_the_longest_key_that_it_contains(
    names: Sequence[str], expected: Sequence[int]
) -> None:
    keys = [Key("user:1"), Key("user:10")]
    assert owners(names, keys).tolist() == list(expected)


def test_the_slope_does_not_mind_an_outlier() -> None:
    x = [float(number) for number in range(30)]
    y = [2 * number for number in x]
    y[7] = 1e6
    slope = theil_sen(x, y)
    assert slope.slope == pytest.approx(2)
    assert slope.low == pytest.approx(2)
    assert theil_sen(x[:1], y[:1]).slope == 0


def test_the_slope_of_many_points_is_that_of_a_few_of_them() -> None:
    x = [float(number) for number in range(1500)]
    slope = theil_sen(x, [3 * number for number in x])
    assert (slope.slope, slope.low) == (3, 3)


def test_noise_and_a_filling_population_do_not_grow() -> None:
    random = np.random.default_rng(5)
    x = [float(number) for number in range(40)]
    accused = sum(grows(x, random.integers(900, 1100, 40).tolist()) for _ in range(200))
    assert accused == 0
    assert not grows(x, [100 * min(number, 20.0) for number in x])
    noise = random.integers(-50, 50, 40).tolist()
    assert grows(x, [100 * one + other for one, other in zip(x, noise, strict=True)])
