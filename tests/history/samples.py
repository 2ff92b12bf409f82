"""What a history says of itself when a test does not care, and a clock that moves by itself."""

from __future__ import annotations

from limitproof.history.meta import Meta

META = Meta(
    limiter="some_limiter",
    target="some.module:factory",
    limit=5,
    window=1.0,
    promise={"kind": "sliding", "limit": 5, "window": 1.0},
    seed=7,
    engine="load",
    processes=2,
    clients=4,
    server={"name": "redis", "version": "8.2.3"},
)


class Ticking:
    """Stands in for the module `time`: every look at it is 10 ns later than the last.

    `step` is how far the time of day has been set forward since the machine started.
    """

    EPOCH = 1_700_000_000_000_000_000

    def __init__(self) -> None:
        self.now = 1_000
        self.step = 0

    def monotonic_ns(self) -> int:
        self.now += 10
        return self.now

    def time_ns(self) -> int:
        """Does not tick, so that an anchor is exact."""
        return self.now + 10 + self.EPOCH + self.step
