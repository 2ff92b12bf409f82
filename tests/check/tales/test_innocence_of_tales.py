"""The ideal limiter of each promise is never accused, whatever happens to it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from limiters.promise import FixedWindow, Promise, SlidingWindow, TokenBucket
from limitproof.check.tales.false_rejection import false_rejection
from limitproof.check.tales.ideal import ideal
from limitproof.check.tales.overshoot import overshoot
from limitproof.check.tales.remaining import remaining
from limitproof.check.tales.retry_after import retry_after
from limitproof.check.tales.twins import contamination, weights
from tests.check.tales.tellers import Move, plans, tell

WINDOW = 100_000  # µs
PROMISES = st.one_of(
    st.builds(SlidingWindow, st.integers(1, 5), st.just(0.1)),
    st.builds(FixedWindow, st.integers(1, 5), st.just(0.1)),
    st.builds(TokenBucket, st.sampled_from([10.0, 30.0, 70 / 3]), st.sampled_from([1.0, 2.5, 4.0])),
)


@settings(max_examples=600, deadline=None)
@given(PROMISES, plans(WINDOW), st.integers(0, WINDOW))
def test_the_ideal_limiter_is_never_accused(promise: Promise, plan: list[Move], phase: int) -> None:
    tale = tell(lambda: ideal(promise, phase), plan)
    for judge in (overshoot, false_rejection, remaining, retry_after, weights):
        assert judge(tale, promise) == ""
    assert contamination(tale) == ""
