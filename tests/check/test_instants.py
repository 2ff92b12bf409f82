"""Refused in vain, by a token bucket: where nothing has dripped yet, and where a token just has."""

from __future__ import annotations

import pytest

from limiters.promise import TokenBucket
from limitproof.check.instants import Asked, refused_in_vain
from limitproof.check.yardstick import Yardstick
from limitproof.history.columns import Outcome

BUCKET = Yardstick.of(TokenBucket(rate=3.0, burst=3.0))


@pytest.mark.parametrize(
    ("admitted", "waited", "in_vain"),
    [(2, 0, True), (3, 0, False), (3, 333, False), (3, 335, True), (2, 1, True)],
)
def test_a_refusal_by_a_bucket_of_three(admitted: int, waited: int, in_vain: bool) -> None:
    """So many at one instant, and so many ms later one that is refused."""
    asked = [Asked(Outcome.ADMITTED, 0, 0)] * admitted
    asked.append(Asked(Outcome.REJECTED, waited * 1_000, waited * 1_000))
    assert refused_in_vain(asked, BUCKET) is in_vain
