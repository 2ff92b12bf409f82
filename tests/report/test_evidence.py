"""Evidence is drawn to scale, cut where nothing happens, and never more than can be seen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from limitproof.check.verdict import Evidence
from limitproof.report.evidence import (
    MOST_DRAWN,
    MOST_ROWS,
    WIDTH,
    duration,
    sentence,
    table,
    timeline,
)
from tests.report.runs import EPOCH, evidence


def test_one_bar_an_operation_and_one_lane_a_client() -> None:
    drawing = timeline(evidence(14))
    assert drawing is not None
    assert len(drawing.bars) == 14
    assert [name for _, name in drawing.lanes] == [
        "client 0.0", "client 0.2", "client 1.1", "client 1.3",
    ]  # fmt: skip
    assert len({bar.y for bar in drawing.bars}) == 4
    assert drawing.bars[0].told == "+0 s: admitted, took 500 µs, told 0 remaining"
    assert all(0 <= bar.x <= bar.x + bar.width <= WIDTH for bar in drawing.bars)
    assert all(0 <= bar.y < drawing.base for bar in drawing.bars)
    assert drawing.hidden == 0


def test_bars_come_in_the_order_of_time() -> None:
    drawing = timeline(evidence(14))
    assert drawing is not None
    places = [bar.x for bar in drawing.bars]
    assert places == sorted(places)


def test_a_long_pause_is_cut_short_and_told() -> None:
    drawing = timeline(evidence(14))
    assert drawing is not None
    assert len(drawing.pauses) == 1
    assert [text for _, text in drawing.ticks] == ["0", "+904 ms"]


def test_the_window_covers_its_operations() -> None:
    drawing = timeline(evidence(14))
    assert drawing is not None
    left, width = drawing.window
    assert left <= min(bar.x for bar in drawing.bars)
    assert left + width >= max(bar.x + bar.width for bar in drawing.bars)


def test_what_is_not_drawn_is_counted() -> None:
    many = evidence(1234)
    drawing = timeline(many)
    assert drawing is not None
    assert len(drawing.bars) == MOST_DRAWN
    assert drawing.hidden == 1234 - MOST_DRAWN


def test_equal_instants_are_drawn_too() -> None:
    rows = tuple({**row, "invocation": EPOCH, "response": EPOCH} for row in evidence(3).rows)
    drawing = timeline(Evidence("k", "s", EPOCH, EPOCH, 3, rows))
    assert drawing is not None
    assert all(bar.width > 0 for bar in drawing.bars)


def test_a_single_operation_is_told_not_drawn() -> None:
    one = replace(evidence(3), total=1, rows=evidence(3).rows[:1])
    assert timeline(one) is None
    assert sentence(one) == "client 0.0: admitted, took 500 µs, told 0 remaining"
    assert "the first of 9" in sentence(replace(one, total=9))
    assert sentence(evidence(3)) == ""


def test_what_is_no_operation_becomes_a_table() -> None:
    rows = tuple({"name": f"key:{number}", "ttl_ms": -1} for number in range(40))
    left = Evidence("key:0", "idle", EPOCH, EPOCH, 40, rows)
    assert timeline(left) is None
    headings, cells = table(rows)
    assert headings == ("name", "ttl_ms")
    assert len(cells) == MOST_ROWS
    assert cells[0] == ("key:0", "-1")


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [(0, "0 s"), (12, "12 ns"), (1_500, "1.5 µs"), (7_730_216, "7.73 ms"), (2.5e9, "2.5 s")],
)
def test_durations_have_the_unit_that_suits(nanoseconds: float, text: str) -> None:
    assert duration(nanoseconds) == text
