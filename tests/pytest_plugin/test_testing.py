"""All that a test of a limiter needs comes from limitproof.testing, and is what limiters/ knows."""

from __future__ import annotations

import limiters.contract
import limiters.promise
from limitproof import testing


def test_the_names_are_those_of_the_contract() -> None:
    assert testing.Decision is limiters.contract.Decision
    assert testing.Quota is limiters.contract.Quota
    for name in ("SlidingWindow", "FixedWindow", "TokenBucket", "Promise"):
        assert getattr(testing, name) is getattr(limiters.promise, name)
    assert all(hasattr(testing, name) for name in testing.__all__)
