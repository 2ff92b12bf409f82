"""Correct limiters, judged again and again with fresh seeds: false accusations are counted.

    python -m benchmarks.soak --minutes 10

A false accusation is a check that fails though the registry does not know it of the limiter.
Exit code 1 when there was one; its seed is printed, and makes the same run again. Stories are
counted once, though several checks judge them; those that Hypothesis has told also by themselves.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from threading import Lock

from limiters.contract import Quota
from limiters.entry import Entry
from limiters.registry import KNOWN
from limitproof.check.verdict import Verdict
from limitproof.verify.interleavings import NAMES as INTERLEAVINGS
from limitproof.verify.machine import MODELLED
from limitproof.verify.units import named
from limitproof.verify.verify import Judged, verify
from limitproof.verify.worker import Brief

QUOTAS = (Quota(1, 1.0), Quota(3, 1.0), Quota(4, 0.25), Quota(7, 2.5), Quota(2, 60.0))

MODEL = "contamination"
MOST_SHOWN = 12  # reasons for a verdict that is unknown
TOGETHER = {*MODELLED, *INTERLEAVINGS} - {MODEL}
"""Checks that judge the same stories, which are counted once."""


def correct() -> list[Entry]:
    """Limiters that fail nothing, or only what a skewed clock or a lost reply does."""
    forgiven = {"clock-skew", "lost-reply"}
    kinds = ("specimen",)
    return [one for one in KNOWN if set(one.fails) <= forgiven and one.kind not in kinds]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seconds", type=float, default=8.0, help="for one limiter and one seed")
    options = parser.parse_args(arguments)
    end = time.monotonic() + 60 * options.minutes
    rounds = zip(cycle(correct()), cycle(QUOTAS), strict=False)
    counts, unknown = Counter[str](), Counter[str]()
    accusations: list[str] = []
    lock = Lock()

    def go_on() -> None:
        while time.monotonic() < end:
            with lock:
                entry, quota = next(rounds)
            seed = secrets.randbits(32)
            for event in verify(
                Brief(entry.name, quota, seed=seed), named(), options.seconds, processes=1
            ):
                if not isinstance(event, Judged):
                    continue
                result = event.examined.result
                with lock:
                    if result.name not in TOGETHER:
                        counts["stories"] += int(result.measured.get("stories", 0))
                    if result.name == MODEL:
                        counts["generated"] += int(result.measured.get("generated", 0))
                    counts["schedules"] += int(result.measured.get("schedules", 0))
                    counts["verdicts"] += 1
                    counts[result.verdict.value] += 1
                    if result.verdict is Verdict.UNKNOWN:
                        unknown[f"{result.name} of {entry.name}: {result.because}"] += 1
                    if result.verdict is Verdict.FAIL and result.name not in entry.fails:
                        accusations.append(
                            f"{entry.name}, {quota}, seed {seed}: {result.name}: {result.because}"
                        )
                        print("ACCUSED", accusations[-1], flush=True)
            counts["limiters"] += 1

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for one in [pool.submit(go_on) for _ in range(os.cpu_count() or 1)]:
            one.result()
    print(
        f"{counts['limiters']:,} limiters judged ({len(correct())} different), "
        f"{counts['stories']:,} stories ({counts['generated']:,} generated at random), "
        f"{counts['schedules']:,} schedules, "
        f"{counts['verdicts']:,} verdicts ({counts['unknown']:,} unknown); "
        f"{len(accusations)} false accusations"
    )
    for why, times in unknown.most_common(MOST_SHOWN):
        print(f"unknown {times} times, {why}")
    return int(bool(accusations))


if __name__ == "__main__":
    sys.exit(main())
