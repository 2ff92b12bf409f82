"""Made-up runs: deterministic, small, and with one limiter of each kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from limitproof.check.verdict import Cause, CheckResult, Evidence, Judgement, Verdict
from limitproof.events import LimiterJudged
from limitproof.history.columns import History, Key, Operations, StateSeries
from limitproof.history.meta import Meta
from limitproof.history.outcome import Outcome

EPOCH = 1_800_000_000_000_000_000
MS = 1_000_000
LIMIT = 10
HERD_SIZES, ROUNDS = (1, 2, 4, 8), 2


def meta(limiter: str, **changes: Any) -> Meta:
    known: dict[str, Any] = {
        "limiter": limiter, "target": limiter, "limit": LIMIT, "window": 1.0,
        "promise": {"kind": "sliding", "limit": LIMIT, "window": 1.0}, "seed": 7, "engine": "load",
        "processes": 2, "clients": 8, "server": {"name": "redis", "version": "8.2.3"},
        "created": "2026-11-22T12:00:00+00:00", "written_by": "somebody, run 1",
    }  # fmt: skip
    return Meta(**{**known, **changes})


def history(limiter: str, *, beyond: int = 0, leak: int = 0, **changes: Any) -> History:
    """3 s of load on one hot key, herds, ever new keys, and samples of the server's keys.

    beyond: admissions above the limit in each window and in each herd of more than one client;
    leak: bytes by which the hot key grows in each sample.
    """
    hot = _hot(LIMIT + beyond)
    herds, keys = _herds(beyond)
    passes = np.arange(300) % 100 < LIMIT
    outcome = np.where(passes, Outcome.ADMITTED, Outcome.REJECTED)
    idle = Operations.of(EPOCH + np.arange(300) * 10 * MS, key=len(keys) + 1, outcome=outcome)
    every = (Key("sustained/hot", "sustained", 16), *keys, Key("idle/0-0", "idle", 2))
    errors = changes.pop("errors", ())
    return History(
        meta=meta(limiter, **changes),
        operations=Operations.concatenate([hot, herds, idle]),
        keys=every,
        state=_state(leak),
        errors=errors,
    )


def _hot(admitted: int) -> Operations:
    """A request each millisecond, of which the first ones of each second pass."""
    number = np.arange(3000)
    passes = number % 1000 < admitted
    start = EPOCH + number * MS
    return Operations.of(
        start,
        start + MS // 2,
        client=number % 8,
        process=number % 2,
        outcome=np.where(passes, Outcome.ADMITTED, Outcome.REJECTED),
    )


def _herds(beyond: int) -> tuple[Operations, list[Key]]:
    parts, keys = [], []
    for turn in range(ROUNDS):
        for clients in HERD_SIZES:
            keys.append(Key(f"burst/herd-{clients}-{turn}", "burst", clients))
            admitted = LIMIT + (min(beyond, clients) if clients > 1 and not turn else 0)
            start = EPOCH - 2_000 * MS + np.arange(2 * LIMIT) * 1000
            outcome = np.where(np.arange(2 * LIMIT) < admitted, Outcome.ADMITTED, Outcome.REJECTED)
            parts.append(Operations.of(start, start + 500, key=len(keys), outcome=outcome))
    return Operations.concatenate(parts), keys


def _state(leak: int) -> StateSeries:
    """60 samples, 100 ms apart: the hot key always, the idle one for the first half."""
    instants = EPOCH + np.arange(60) * 100 * MS
    hot = np.arange(60)
    idle = np.arange(30)
    return StateSeries(
        names=("limit:sustained/hot", "limit:idle/0-0"),
        instants=instants,
        instant=np.concatenate((instants, instants[:30])),
        name=np.concatenate((np.zeros(60), np.ones(30))).astype(np.int32),
        size=np.concatenate((500 + leak * hot, 100 + 0 * idle)),
        elements=np.full(90, LIMIT, dtype=np.int64),
        ttl=np.full(90, 1000, dtype=np.int64),
    )


def evidence(count: int = 14, *, key: str = "sustained/hot") -> Evidence:
    """Overlapping admissions of four clients, a late pair 0.9 s after the others."""
    rows: list[dict[str, Any]] = []
    for number in range(min(count, 50)):
        start = EPOCH + number * 300_000 + (900 * MS if number >= count - 2 else 0)
        rows.append(
            {
                "process": number % 2, "client": number % 4, "invocation": start,
                "response": start + 500_000, "cost": 1, "outcome": "admitted", "remaining": 0.0,
                "retry_after": None,
            }
        )  # fmt: skip
    return Evidence(key, "sustained", EPOCH, rows[-1]["response"], count, tuple(rows))


def checks(*, overshoot: int = 0, leaks: bool = False) -> tuple[CheckResult, ...]:
    over = CheckResult(
        "overshoot",
        Verdict.FAIL if overshoot else Verdict.PASS,
        f"{LIMIT + overshoot} were admitted within one window of 1 s"
        if overshoot
        else "9 keys asked for more than the limit of 10 and got no more",
        cause=Cause.RACE if overshoot else None,
        measured={
            "overshoot": overshoot, "possible_overshoot": overshoot + 2, "limit": LIMIT,
            "ratio": 1 + overshoot / LIMIT, "excess": 3 * overshoot, "sliding_overshoot": overshoot,
        },
        evidence=evidence(LIMIT + overshoot) if overshoot else None,
        complete=True,
    )  # fmt: skip
    memory = CheckResult(
        "memory",
        Verdict.FAIL if leaks else Verdict.PASS,
        "memory grows with time" if leaks else "level over 3.0 windows",
        cause=Cause.ALGORITHM if leaks else None,
        measured={
            "bytes_per_request": 41.5 if leaks else 0.0,
            "full_1gb_at": "2026-12-01 00:00 UTC" if leaks else None,
        },
    )
    return (
        over,
        CheckResult("false-rejection", Verdict.PASS, "none", measured={"count": 0}),
        CheckResult("retry-after", Verdict.NOT_TOLD, "the limiter does not tell retry-after"),
        memory,
    )


def judged(
    limiter: str,
    folder: Path = Path("run"),
    *,
    overshoot: int = 0,
    leak: int = 0,
    surprises: tuple[str, ...] = (),
    results: tuple[CheckResult, ...] | None = None,
    **changes: Any,
) -> LimiterJudged:
    """A limiter with its made-up history and the judgement that fits it."""
    made = history(limiter, beyond=overshoot, leak=leak, **changes)
    found = checks(overshoot=overshoot, leaks=leak > 0) if results is None else results
    judgement = Judgement(limiter, {"limit": LIMIT, "window": 1.0}, 7, made.meta.server, found)
    return LimiterJudged(limiter, made.meta.written_by, made, judgement, folder, surprises)


def three(folder: Path = Path("run")) -> tuple[LimiterJudged, ...]:
    """A right one, one that overshoots and one that leaks."""
    return (
        judged("lua_atomic", folder),
        judged("get_set_json", folder, overshoot=6),
        judged("no_prune", folder, leak=900, surprises=("memory",)),
    )
