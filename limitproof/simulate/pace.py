"""Whether one more step can be taken, by how long those before it have taken."""

from __future__ import annotations

import math
from time import perf_counter

from limitproof.simulate.refusal import SlowError

HASTE = 3.5  # times as long as a step has taken yet must be left of the time for the next
SHORT = 0.1  # seconds; a step below it is not what took the time


class Pace:
    """How long the steps of clients and of the server take, and when there is no time for another.

    until: by time.perf_counter(), from when on none is begun; one that takes long, some of its time
    before that. Of the longest two steps the second is taken to be how long one takes: a machine
    that stalls once is no slow limiter.
    """

    def __init__(self, until: float = math.inf) -> None:
        self._until = until
        self._began = self._longest = self._second = 0.0

    def begin(self) -> None:
        """A step begins now. Raises SlowError when there is no time for it."""
        self._began = perf_counter()
        if self._began + HASTE * self._second > self._until:
            took = f"{self._second:.2g} s" if self._second > SHORT else "so long"
            raise SlowError(f"a step of it takes {took}, and the time was over too soon")

    def end(self) -> None:
        """The step that has begun last is over."""
        took = perf_counter() - self._began
        if took > self._second:
            self._second, self._longest = sorted((took, self._longest))

    def allow_more(self) -> None:
        """From now on there is time for every step."""
        self._until = math.inf
