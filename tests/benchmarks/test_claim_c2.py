"""What claim C2's command makes of a history."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.claim_c2 import scenario
from benchmarks.claim_c2_plot import draw
from benchmarks.claim_c2_rows import Row, findings, row_of, share_above, table, to_json
from limiters.contract import Quota
from limitproof.history.columns import History, Key, Operations
from limitproof.history.meta import Meta
from limitproof.history.outcome import Outcome
from scenarios.model import Paced, Saturate

MS = 1_000_000
A, R, D = Outcome.ADMITTED, Outcome.REJECTED, Outcome.DROPPED


def history(instants: list[int], outcomes: list[Outcome]) -> History:
    """Operations on one key at these milliseconds, under a limit of 2 in 100 ms."""
    meta = Meta(
        limiter="x", target="x", limit=2, window=0.1, promise={}, seed=0, engine="load",
        processes=1, clients=1, server={},
    )  # fmt: skip
    operations = Operations.of([one * MS for one in instants], outcome=[int(o) for o in outcomes])
    return History(meta, operations, (Key("hot"),))


def row(**changes: object) -> Row:
    plain = row_of(history([0, 10, 20, 200], [A, A, R, R]), 500.0)
    return replace(plain, **changes)  # type: ignore[arg-type]


def test_overshoot_counts_admissions_of_the_worst_window() -> None:
    found = row_of(history([0, 10, 20, 150, 400], [A, A, A, A, R]), 8.0)
    assert (found.overshoot, found.peak, found.admitted, found.refused) == (1, 3, 4, 1)
    assert found.windows == pytest.approx(4.0)
    assert found.achieved == pytest.approx(12.5)
    assert found.filled == pytest.approx(0.5)


def test_dropped_requests_were_never_sent() -> None:
    found = row_of(history([0, 10, 20, 500], [A, A, R, D]), None)
    assert (found.dropped, found.failed) == (1, 0)
    assert found.seconds == pytest.approx(0.02)


def test_nothing_sent_is_no_result() -> None:
    with pytest.raises(ValueError, match="no request"):
        row_of(history([0], [D]), None)


def test_share_counts_whole_windows_begun_at_an_admission() -> None:
    # windows at 0 (three inside) and 10 (two); those at 20 and 110 end after the history
    assert share_above(history([0, 10, 20, 110, 115], [A, A, A, A, R])) == pytest.approx(1 / 2)
    assert share_above(history([0, 10], [R, R])) == 0.0


def test_a_rate_is_requests_a_second_whatever_the_quota() -> None:
    (paced,) = scenario(Quota(10, 0.1), 500, 4.0).phases
    assert isinstance(paced, Paced)
    assert paced.rate * 10 / 0.1 == pytest.approx(500)
    assert paced.duration * 0.1 == pytest.approx(4.0)
    (flood,) = scenario(Quota(10, 0.1), None, 4.0).phases
    assert isinstance(flood, Saturate)


def test_findings_say_no_more_than_was_seen() -> None:
    quiet = row(limiter="quiet", achieved=12_000.0)
    loud = row(limiter="loud", achieved=500.0, overshoot=3, peak=5, cause="algorithm")
    said = list(findings([quiet, loud]))
    assert said[0].endswith("below 10,000 req/s: not reached here, so nothing is said.")
    assert "no certain overshoot in 2 windows" in said[1]
    assert "certain overshoot in 1 of 1 runs" in said[2]
    assert "at worst 5 admitted where 2 may be" in said[2]
    assert said[3].endswith("not reached here, so nothing is said.")
    assert said[4].endswith("algorithm.")


def test_rows_can_be_shown_saved_and_drawn(tmp_path: Path) -> None:
    rows = [row(), row(intended=None, overshoot=7)]
    assert "max" in table(rows)
    assert json.loads(json.dumps([to_json(one) for one in rows]))[1]["overshoot"] == 7
    draw(rows, tmp_path / "c2.png")
    assert (tmp_path / "c2.png").read_bytes().startswith(b"\x89PNG")
