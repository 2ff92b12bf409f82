"""How long the checks take, and how much memory: `python -m benchmarks.checkers [N...]`.

Synthetic histories of one hot key: of a correct limiter far above its limit, of one that never
had to refuse, of one that never refuses although it should, and of a correct one on many keys. Each
size runs in a process of its own, so that the peak memory is its own.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping

import numpy as np

from limitproof.check.judge import CHECKS, judge
from limitproof.history.columns import Bools, Floats, History, Int64s, Key, Operations
from limitproof.history.meta import NANOSECONDS, Meta
from limitproof.history.outcome import Outcome

SIZES = (100_000, 1_000_000, 10_000_000)
SECONDS = 20.0  # that every history lasts
EPOCH = 1_700_000_000 * NANOSECONDS


def hot_key(n: int) -> History:
    """A correct limiter, asked for a hundred times its limit; it tells both figures."""
    limit = max(1, n // int(SECONDS) // 100)
    return _history(n, limit, admitted=lambda at, _: _ideal(at, limit), told=True)


def half_admitted(n: int) -> History:
    """A correct limiter, asked for twice its limit."""
    limit = n // int(SECONDS) // 2
    return _history(n, limit, admitted=lambda at, _: _ideal(at, limit), told=True)


def all_admitted(n: int) -> History:
    """Never more than the limit was asked for."""
    return _history(n, n, admitted=lambda at, _: np.ones(len(at), dtype=np.bool_))


def unlimited(n: int) -> History:
    """Everything is admitted, ten times the limit."""
    limit = n // int(SECONDS) // 10
    return _history(n, limit, admitted=lambda at, _: np.ones(len(at), dtype=np.bool_))


def many_keys(n: int) -> History:
    """A correct limiter of 3 a second on n / 100 keys."""

    def admitted(at: Int64s, key: Int64s) -> Bools:
        answer = np.zeros(len(at), dtype=np.bool_)
        order = np.argsort(key, kind="stable")
        # one line of all keys, a minute apart
        line = at[order] + np.cumsum(np.diff(key[order], prepend=0) * 60 * NANOSECONDS)
        answer[order] = _ideal(line - EPOCH, 3)
        return answer

    return _history(n, 3, keys=n // 100, admitted=admitted)


HISTORIES: Mapping[str, Callable[[int], History]] = {
    made.__name__: made for made in (hot_key, half_admitted, all_admitted, unlimited, many_keys)
}


def _history(
    n: int,
    limit: int,
    *,
    admitted: Callable[[Int64s, Int64s], Bools],
    keys: int = 1,
    told: bool = False,
) -> History:
    """Decisions at hidden instants inside intervals of some 0.3 ms."""
    random = np.random.default_rng(7)
    at = EPOCH + np.sort(random.integers(0, int(SECONDS * NANOSECONDS), n))
    before, after = (random.exponential(150_000, n).astype(np.int64) for _ in range(2))
    key = random.integers(0, keys, n)
    passed = admitted(at, key)
    operations = Operations.of(
        at - before,
        at + after,
        process=random.integers(0, 2, n).astype(np.int32),
        client=random.integers(0, 32, n).astype(np.int32),
        key=key.astype(np.int32),
        outcome=np.where(passed, np.int8(Outcome.ADMITTED), np.int8(Outcome.REJECTED)),
        **(_figures(at, passed, limit) if told else {}),
    )
    meta = Meta(
        limiter="synthetic", target="", limit=limit, window=1.0,
        promise={"kind": "sliding", "limit": limit, "window": 1.0}, seed=7, engine="synthetic",
        processes=2, clients=32, server={},
    )  # fmt: skip
    return History(meta, operations, tuple(Key(f"user:{i}") for i in range(keys)))


def _ideal(at: Int64s, limit: int) -> Bools:
    """What a sliding window of one second admits, of ascending instants."""
    answer = np.zeros(len(at), dtype=np.bool_)
    step = np.arange(limit)
    block = step[: len(at)]
    while True:
        answer[block] = True
        if len(block) < limit:
            return answer
        free = np.searchsorted(at, at[block] + NANOSECONDS)
        block = step + np.maximum(np.maximum.accumulate(free - step), block[-1] + 1)
        block = block[block < len(at)]


def _figures(at: Int64s, passed: Bools, limit: int) -> dict[str, Floats]:
    """The right `remaining` and `retry_after`."""
    mine = at[passed]
    held = np.searchsorted(mine, at, side="right")
    held_before = np.searchsorted(mine, at - NANOSECONDS, side="right")
    oldest = mine[np.maximum(held - limit, 0)]
    return {
        "remaining": np.where(passed, limit - (held - held_before), 0).astype(np.float64),
        "retry_after": np.where(passed, np.nan, (oldest + NANOSECONDS - at) / NANOSECONDS),
    }


def measure(name: str, n: int) -> None:
    """Prints one line: seconds a check, in all, and the peak memory with and without the checks."""
    history = HISTORIES[name](n)
    made = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    spent: dict[str, float] = {}
    verdicts: dict[str, str] = {}
    for check in CHECKS:
        begun = time.perf_counter()
        result = judge(history, names=[check.name]).checks[0]
        spent[check.name] = time.perf_counter() - begun
        verdicts[check.name] = result.verdict
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    each = " ".join(f"{check} {seconds:.2f}" for check, seconds in spent.items() if seconds > 0.005)
    columns = sum(getattr(history.operations, f).nbytes for f in Operations.__slots__)
    print(
        f"{name:14} {n:>11,} operations: {sum(spent.values()):6.2f} s, "
        f"peak {peak / 1024:6,.0f} MB (columns {columns / 2**20:,.0f}, making them "
        f"{made / 1024:,.0f}); overshoot {verdicts['overshoot']}; {each}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, default=SIZES)
    parser.add_argument("--only", choices=HISTORIES)
    parser.add_argument("--here", action="store_true", help="in this process")
    chosen = parser.parse_args()
    for name in [chosen.only] if chosen.only else HISTORIES:
        for n in chosen.sizes:
            if chosen.here:
                measure(name, n)
                continue
            again = [sys.executable, "-m", "benchmarks.checkers", str(n), "--only", name, "--here"]
            subprocess.run(again, check=True)


if __name__ == "__main__":
    main()
