"""What happens in a run, told as it happens. The suite yields, listeners show."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from limitproof.check.verdict import Judgement
from limitproof.explored import Explored
from limitproof.history.columns import History


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run of these limiters begins; `seconds` is about what it takes, `server` where."""

    limiters: tuple[str, ...]
    seconds: float
    server: str
    folder: Path


@dataclass(frozen=True, slots=True)
class ExplorationStarted:
    """The interleavings of a limiter are looked through, for at most about `seconds`."""

    limiter: str
    seconds: float


@dataclass(frozen=True, slots=True)
class LimiterExplored:
    """What exploring a limiter has shown is saved."""

    limiter: str
    explored: tuple[Explored, ...]
    folder: Path


@dataclass(frozen=True, slots=True)
class LimiterStarted:
    """The load on a limiter begins and takes about `seconds`."""

    limiter: str
    seconds: float


@dataclass(frozen=True, slots=True)
class LimiterJudged:
    """A limiter's history is saved and judged.

    surprises: checks that it fails though nothing is known of it; missed: what should have shown
    and did not, both empty for a limiter that is not registered; registered: it is one of the
    reference limiters; explored: what exploring it has shown, () where that was not done.
    """

    limiter: str
    written_by: str
    history: History
    judgement: Judgement
    folder: Path
    surprises: tuple[str, ...] = ()
    missed: str = ""
    registered: bool = False
    explored: tuple[Explored, ...] = ()


@dataclass(frozen=True, slots=True)
class RunFinished:
    """All is saved. `stopped` says why the run ended early, "" when it did not."""

    folder: Path
    judged: tuple[LimiterJudged, ...]
    stopped: str = ""


@dataclass(frozen=True, slots=True)
class Tick:
    """Some time has passed."""


Event = (
    RunStarted
    | ExplorationStarted
    | LimiterExplored
    | Tick
    | LimiterStarted
    | LimiterJudged
    | RunFinished
)


class Listener(Protocol):
    """One kind of output."""

    def handle(self, event: Event) -> None: ...
