"""The checks of `limitproof verify` as tests of your own: subclass `LimiterContract`.

    from limitproof.testing import LimiterContract

    class TestMine(LimiterContract):
        def make_limiter(self, client, quota, clock):
            return Mine(client, quota, clock)

gives one test a check, named TestMine::test_limitproof[overshoot] and so on. The pytest plugin
(limitproof/pytest_plugin.py) is found by pytest itself once limitproof is installed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import redis
import redis.asyncio

from limiters.contract import Clock, Decision, Quota
from limiters.promise import FixedWindow, Promise, SlidingWindow, TokenBucket

__all__ = [
    "Clock", "Decision", "FixedWindow", "LimiterContract", "Promise", "Quota", "SlidingWindow",
    "TokenBucket",
]  # fmt: skip


class LimiterContract:
    """One test for each check of a limiter, against a real Redis whose clock is set by hand.

    limit, window: the quota that the limiter is given first, in requests and seconds. promise: what
    it is judged by, SlidingWindow, FixedWindow, TokenBucket or a callable from Quota to one; None
    for a sliding window. checks: only these, all when empty; skip: all but these; accept: known
    risks, which are told as expected failures; max_skew: how far clients' clocks are apart, in
    seconds.
    """

    limit: ClassVar[int] = 4
    window: ClassVar[float] = 1.0
    promise: ClassVar[Callable[[Quota], Promise] | None] = None
    checks: ClassVar[Sequence[str]] = ()
    skip: ClassVar[Sequence[str]] = ()
    accept: ClassVar[Sequence[str]] = ()
    max_skew: ClassVar[float] = 0.05

    def make_limiter(
        self, client: redis.Redis | redis.asyncio.Redis, quota: Quota, clock: Clock
    ) -> Any:
        """A limiter for one client's connection and this quota: what a factory does.

        It is asked for several quotas; ValueError says that one is not served.
        Annotate `client` with redis.asyncio.Redis to be given one of those.
        """
        raise NotImplementedError(
            f"{type(self).__name__}.make_limiter(client, quota, clock) must return a limiter"
        )

    def test_limitproof(
        self, limitproof_check: str, limitproof_judge: Callable[..., None], request: Any
    ) -> None:
        """One check; which one is the test's parameter."""
        limitproof_judge(self, limitproof_check, request)
