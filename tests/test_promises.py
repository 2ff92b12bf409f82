"""Promises are read from the command line, kept in a history and found there again."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limiters.contract import Quota
from limiters.promise import FixedWindow, Promise, SlidingWindow, TokenBucket
from limitproof.check.yardstick import promise_of_meta
from limitproof.promises import as_text, describe, parse_promise
from tests.history.samples import META

QUOTA = Quota(10, 0.5)
positive = st.floats(1e-6, 1e9)


@pytest.mark.parametrize(
    ("text", "promise"),
    [
        ("sliding", SlidingWindow(10, 0.5)),
        ("fixed", FixedWindow(10, 0.5)),
        ("token", TokenBucket(rate=20.0, burst=10.0)),
        ("token:5:20", TokenBucket(rate=5.0, burst=20.0)),
        ("token:0.5:1e3", TokenBucket(rate=0.5, burst=1000.0)),
    ],
)
def test_a_promise_is_read(text: str, promise: Promise) -> None:
    assert parse_promise(text, QUOTA) == promise
    assert parse_promise(as_text(promise, QUOTA), QUOTA) == promise


def test_a_promise_without_a_text_is_told() -> None:
    with pytest.raises(ValueError, match=r"not what a quota of 10 per 0\.5 s makes"):
        as_text(FixedWindow(11, 0.5), QUOTA)


@pytest.mark.parametrize(
    "text",
    [
        "", "Sliding", "sliding:1", "fixed:10:1", "bucket", "token:5",
        "token:5:", "token:5:6:7", "token:0:5", "token:5:-1", "token:nan:5", "token:5:inf",
        "token:a:b", "token 5 6", "two\nlines",
    ],
)  # fmt: skip
def test_anything_else_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(ValueError, match="no such promise") as caught:
        parse_promise(text, QUOTA)
    assert "\n" not in str(caught.value)
    assert "token:RATE:BURST" in str(caught.value)


@given(
    st.builds(SlidingWindow, st.integers(1, 10**9), positive)
    | st.builds(FixedWindow, st.integers(1, 10**9), positive)
    | st.builds(TokenBucket, positive, positive)
)
def test_a_history_gives_back_the_promise_that_it_was_told(promise: Promise) -> None:
    told = json.loads(json.dumps(describe(promise)))
    assert told["kind"] == promise.kind
    assert promise_of_meta(replace(META, promise=told)) == promise


def test_a_promise_that_the_checkers_do_not_know_is_refused() -> None:
    class Other:
        kind = "other"

        def alpha(self, duration: float) -> float:
            return duration

    with pytest.raises(ValueError, match="cannot judge a promise of kind 'other'"):
        describe(Other())


@pytest.mark.parametrize(
    "promise",
    [
        SlidingWindow(10, math.nan), FixedWindow(-1, 1.0), SlidingWindow(2.5, 1.0),  # type: ignore[arg-type]
        TokenBucket(0, 10), TokenBucket(math.inf, 10), TokenBucket("1", 10),  # type: ignore[arg-type]
    ],
)  # fmt: skip
def test_a_promise_whose_figures_make_no_sense_is_refused(promise: Promise) -> None:
    with pytest.raises(ValueError, match=r"of (SlidingWindow|FixedWindow|TokenBucket)"):
        describe(promise)
