"""A correct limiter is never accused, whatever the latencies are."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limitproof.check.judge import judge
from limitproof.check.verdict import Verdict
from tests.check.models import Model, aligned, bucket, fixed, ideal
from tests.check.worlds import MS, Request, run

CORRECT = {
    "sliding": (ideal, "sliding"),
    "fixed": (fixed, "fixed"),
    "aligned": (aligned, "fixed"),
    "bucket": (bucket, "token"),
}

REQUESTS = st.lists(
    st.builds(
        lambda start, lasting, client, key, cost: Request(
            start, start + lasting, client, key, cost
        ),
        st.integers(0, 3_000 * MS),
        st.one_of(st.integers(0, MS), st.integers(0, 50 * MS), st.integers(0, 1_500 * MS)),
        st.integers(0, 3),
        st.integers(0, 1),
        st.sampled_from([1, 1, 1, 2]),
    ),
    min_size=1,
    max_size=60,
)


def accused(model: Model, kind: str, requests: list[Request], limit: int, seed: int) -> list[str]:
    window = 0.4
    judgement = judge(run(model, requests, limit=limit, window=window, kind=kind, seed=seed))
    for check in judgement.checks:
        assert "itself raised" not in check.because, check.because
    return [f"{c.name}: {c.because}" for c in judgement.checks if c.verdict is Verdict.FAIL]


@pytest.mark.parametrize("name", CORRECT)
@given(requests=REQUESTS, limit=st.integers(1, 5), seed=st.integers(0, 3))
@settings(derandomize=True, max_examples=60, deadline=None)
def test_never_accused(name: str, requests: list[Request], limit: int, seed: int) -> None:
    assert accused(*CORRECT[name], requests, limit, seed) == []


@pytest.mark.parametrize("name", CORRECT)
def test_never_accused_at_the_limit_all_the_time(name: str) -> None:
    random = Random(11)
    for seed in range(30):
        lasting = random.choice((0, MS, 30 * MS, 900 * MS))
        requests = [
            Request(start, start + random.randint(0, lasting), random.randint(0, 9), key)
            for key in range(2)
            for start in (random.randint(0, 4_000 * MS) for _ in range(random.randint(20, 150)))
        ]
        assert accused(*CORRECT[name], requests, random.randint(1, 12), seed) == []
