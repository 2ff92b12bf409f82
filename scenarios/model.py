"""The words in which a scenario is told.

Nothing here runs anything. Lengths of time are in windows and amounts are in limits, so that one
scenario fits every quota: `Paced(start=2, duration=3, rate=0.5)` sends half the limit in each of
the third to fifth windows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Herd:
    """At `start`, the first `clients` clients send `requests` limits' worth in all, at once.

    Each client sends its part back to back. With one client this is a sequential burst.
    """

    start: float
    requests: float
    clients: int
    key: str = "hot"

    @property
    def end(self) -> float:
        return self.start


@dataclass(frozen=True, slots=True)
class Paced:
    """An open loop: `rate` limits a window in all, evenly spaced, the clients taking turns."""

    start: float
    duration: float
    rate: float
    clients: int | None = None
    keys: Keys | None = None  # None: the scenario's

    @property
    def end(self) -> float:
        return self.start + self.duration


@dataclass(frozen=True, slots=True)
class Saturate:
    """A closed loop: every client sends its next request as soon as the last was answered."""

    start: float
    duration: float
    clients: int | None = None
    keys: Keys | None = None  # None: the scenario's

    @property
    def end(self) -> float:
        return self.start + self.duration


Phase = Herd | Paced | Saturate


@dataclass(frozen=True, slots=True)
class Keys:
    """Which key a request names.

    `count` keys chosen by Zipf's law with exponent `skew` (key 1 the hottest; one key when 1);
    with `turnover` the whole population is replaced by a new one so many times a window, and the
    old one is never used again.
    """

    count: int = 1
    skew: float = 1.0
    turnover: float = 0.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is done to a limiter, and which checks must hold.

    clients: how many clients it wants (None: all there are); aligned: it starts on an edge of the
    wall clock's windows, where limiters with aligned windows have theirs; idle: windows of silence
    at its end, which `expiry` needs; sequential: its requests come one after the other, so that a
    defect seen here needs no interleaving.
    """

    name: str
    summary: str
    phases: tuple[Phase, ...]
    checks: tuple[str, ...]
    clients: int | None = None
    keys: Keys = Keys()
    aligned: bool = False
    idle: float = 0.0
    sequential: bool = False

    @property
    def duration(self) -> float:
        """Windows from its start to its last request."""
        return max(phase.end for phase in self.phases)

    def at_rate(self, rate: float) -> Scenario:
        """The same as an open loop: `rate` limits a window wherever it was a closed one."""
        phases = tuple(
            Paced(phase.start, phase.duration, rate, phase.clients, phase.keys)
            if isinstance(phase, Saturate)
            else phase
            for phase in self.phases
        )
        return replace(self, phases=phases)

    def stretched(self, windows: float) -> Scenario:
        """The same with its longest open or closed loop made so long.

        What starts after that loop is moved along, what starts in it keeps its share of it.
        """
        loops = [phase for phase in self.phases if not isinstance(phase, Herd)]
        if not loops:
            return self
        longest = max(loops, key=lambda phase: phase.duration)
        added = windows - longest.duration

        def moved(phase: Phase) -> Phase:
            if phase is longest:
                return replace(longest, duration=windows)
            if phase.start <= longest.start:
                return phase
            if phase.start >= longest.end:
                return replace(phase, start=phase.start + added)
            share = (phase.start - longest.start) / longest.duration
            return replace(phase, start=longest.start + share * windows)

        return replace(self, phases=tuple(moved(phase) for phase in self.phases))
