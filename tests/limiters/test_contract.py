"""A quota says what is wrong with it, and never cuts a window short."""

from __future__ import annotations

import math
from typing import Any

import pytest

from limiters.contract import Quota


@pytest.mark.parametrize("limit", [0, -1, 1.0, True, "5", None])
def test_a_limit_that_is_no_whole_number(limit: Any) -> None:
    with pytest.raises(ValueError, match="limit must be a whole number of at least 1, not "):
        Quota(limit, 1.0)


@pytest.mark.parametrize("window", [0, -1.0, math.inf, math.nan, "1", None])
def test_a_window_that_is_no_time(window: Any) -> None:
    with pytest.raises(ValueError, match="window must be a finite number of seconds above 0, not "):
        Quota(1, window)


@pytest.mark.parametrize(
    ("window", "milliseconds"), [(1, 1000), (1.1, 1100), (0.07, 70), (0.0001, 1), (2.0005, 2001)]
)
def test_a_window_in_milliseconds_is_rounded_up(window: float, milliseconds: int) -> None:
    assert Quota(1, window).window_ms == milliseconds
