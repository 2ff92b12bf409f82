"""What exploring a limiter has shown, as plain data, and its file.

Known to engines, checks, reports and files alike.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from limitproof.errors import BadInputError
from limitproof.history.outcome import Outcome
from limitproof.results import write_json
from limitproof.schedules import Granularity, Run, Schedule, ScheduleError, Step

SCHEMA = 1
EXPLORED = "explored.json"
BAD = {
    "overshoot": "overshoot",
    "false-rejection": "refuse somebody while there is room",
    "contract": "leave a request without a Decision",
    "linearizable": "end as no order of the requests does",
}
"""What bad schedules do, by the check that fails."""


class ExploredError(BadInputError, ValueError):
    """A file that holds no exploration of ours; the message is one line."""


@dataclass(frozen=True, slots=True)
class Counterexample:
    """A defect with its confirmed run.

    check: its name; measure: its size, the overshoot or how many requests; because: one sentence;
    sequential: one client after the other is enough.
    """

    check: str
    measure: int
    schedule: Schedule
    run: Run
    because: str
    sequential: bool = False

    @property
    def file(self) -> str:
        """Where the schedule is kept, within the folder of the run."""
        return f"schedules/{self.schedule.token}.json"


@dataclass(frozen=True, slots=True)
class Explored:
    """One search through the interleavings of so many clients of a limiter.

    quota_limit and window (s) are what the clients were given, limit the most that the promise
    allows at once; states, and schedules of which overshooting, refusing, erring and disordered are
    bad, at one instant; unit: what is counted as schedules; sentence: what was covered; beyond: the
    same where the clock moved; doubt: why nothing can be a pass, else ""; unfinished: it only ran
    out of time; ordered: the ends were compared with those of all orders of the requests; seconds:
    how long it took; moves: up to so many of the clock all is accounted for, -1 if not even one
    instant is. Counterexamples, None where there is none: overshoot, worst (the largest),
    refusal, error (no Decision), disorder (an end that no order has).
    """

    limiter: str
    quota_limit: int
    window: float
    limit: int
    clients: int
    requests: int
    seed: int
    granularity: Granularity
    strategy: str = "none"
    complete: bool = False
    states: int = 0
    schedules: int = 0
    overshooting: int = 0
    refusing: int = 0
    sentence: str = "nothing was explored"
    doubt: str = ""
    unfinished: bool = False
    seconds: float = 0.0
    server: Mapping[str, str] = field(default_factory=dict)
    overshoot: Counterexample | None = None
    worst: Counterexample | None = None
    refusal: Counterexample | None = None
    error: Counterexample | None = None
    disorder: Counterexample | None = None
    erring: int = 0
    disordered: int = 0
    ordered: bool = False
    beyond: str = ""
    unit: str = "schedules"
    moves: int = -1

    @property
    def counterexamples(self) -> tuple[Counterexample, ...]:
        """The smallest of each kind, and the worst overshoot; each once."""
        every = (self.overshoot, self.refusal, self.error, self.disorder, self.worst)
        found: dict[str, Counterexample] = {}
        for one in every:
            if one is not None:  # the worst may be the smallest over again
                found.setdefault(one.schedule.token, one)
        return tuple(found.values())

    @property
    def shown(self) -> tuple[Counterexample, ...]:
        """Those that a person looks at: a disorder only where it is all there is."""
        others = tuple(one for one in self.counterexamples if one is not self.disorder)
        return others or self.counterexamples

    def smallest(self, check: str) -> Counterexample | None:
        """What a check fails on, None where it does not fail."""
        found = {
            "overshoot": self.overshoot, "false-rejection": self.refusal,
            "contract": self.error, "linearizable": self.disorder,
        }  # fmt: skip
        return found[check]

    def bad(self, check: str) -> int:
        """How many of the schedules end in what this check fails."""
        found = {
            "overshoot": self.overshooting, "false-rejection": self.refusing,
            "contract": self.erring, "linearizable": self.disordered,
        }  # fmt: skip
        return found[check]

    def share(self, check: str) -> str:
        """The share of bad schedules in words; "" where there is none."""
        if not (bad := self.bad(check)):
            return ""
        told = f"{bad:,} of {self.schedules:,} {self.unit} {BAD[check]}"
        if self.unit != "schedules":  # each stands for more or fewer schedules than another
            return told
        return f"{told} ({percent(100 * bad / self.schedules)})"

    @property
    def cast(self) -> str:
        """Who played, in words."""
        more = f"{self.requests} requests" if self.requests > 1 else "1 request"
        return (
            f"{self.clients} clients, {more} each, limit {self.quota_limit} in {self.window:g} s, "
            f"granularity {self.granularity}"
        )


def percent(share: float) -> str:
    """A share in percent; what is not all is never told as 100 %."""
    told = f"{share:.3g} %"
    return "over 99.9 %" if share < 100 and told == "100 %" else told


def to_json(explored: Sequence[Explored]) -> dict[str, Any]:
    """Plain types only; `from_json` undoes it."""
    return {"schema": SCHEMA, "explored": [_plain(one) for one in explored]}


def from_json(data: Any) -> tuple[Explored, ...]:
    """Raises ExploredError when a field is missing, unknown or of a wrong value."""
    try:
        if (schema := data["schema"]) != SCHEMA:
            raise ExploredError(f"schema {schema!r} is not known here, only {SCHEMA}")
        return tuple(_explored(one) for one in data["explored"])
    except ScheduleError as error:
        raise ExploredError(f"it names no schedule: {error}") from error
    except ExploredError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ExploredError(f"this is no exploration: {error!r}") from error


def save_explored(found: Sequence[Explored], folder: Path) -> None:
    """Save what exploring has shown, and the schedules to replay. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    for shown in (shown for one in found for shown in one.counterexamples):
        (folder / shown.file).parent.mkdir(exist_ok=True)
        write_json(folder / shown.file, shown.schedule.to_json())
    write_json(folder / EXPLORED, to_json(found))


def load_explored(folder: Path) -> tuple[Explored, ...]:
    """What exploring has shown; () where that was not done.

    Raises ExploredError when the file is damaged.
    """
    path = folder / EXPLORED
    try:
        return from_json(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return ()
    except (OSError, ValueError) as error:  # an ExploredError is a ValueError
        raise ExploredError(f"{path} is damaged: {error}") from error


_SHOWN = ("overshoot", "worst", "refusal", "error", "disorder")


def _plain(one: Explored) -> dict[str, Any]:
    said = asdict(one) | {"server": dict(one.server)}
    for name in _SHOWN:
        shown: Counterexample | None = getattr(one, name)
        if shown is not None:
            said[name] = {
                "check": shown.check,
                "measure": shown.measure,
                "because": shown.because,
                "sequential": shown.sequential,
                "schedule": shown.schedule.to_json(),
                "steps": [_step_to_json(step) for step in shown.run.steps],
                "answers": [[_name(one) for one in told] for told in shown.run.answers],
                "spans": shown.run.spans,
                "errors": shown.run.errors,
            }
    return said


def _step_to_json(step: Step) -> dict[str, Any]:
    return asdict(step) | {"answered": None if step.answered is None else _name(step.answered)}


def _name(outcome: Outcome) -> str:
    return Outcome(outcome).name.lower()


def _explored(data: Mapping[str, Any]) -> Explored:
    said = dict(data)
    for name in _SHOWN:
        said[name] = said.get(name) and _counterexample(said[name])
    one = Explored(**said)
    counts = (one.limit, one.clients, one.requests, one.states, one.schedules, *map(one.bad, BAD))
    if not all(isinstance(number, int) and number >= 0 for number in counts):
        raise ExploredError("a count is no whole number")
    if not all(
        isinstance(text, str) for text in (one.limiter, one.sentence, one.doubt, one.beyond)
    ):
        raise ExploredError("a name or a sentence is no text")
    if not isinstance(one.complete, bool) or not isinstance(one.unfinished, bool):
        raise ExploredError("whether it was complete is neither true nor false")
    return one


def _counterexample(data: Mapping[str, Any]) -> Counterexample:
    run = Run(
        tuple(_step(step) for step in data["steps"]),
        tuple(tuple(Outcome[one.upper()] for one in told) for told in data["answers"]),
        tuple(
            tuple((int(begun), int(ended)) for begun, ended in spans)
            for spans in data.get("spans", ())
        ),
        tuple(map(str, data.get("errors", ()))),
    )
    schedule = Schedule.from_json(data["schedule"])
    measure, sequential = int(data["measure"]), bool(data["sequential"])
    return Counterexample(
        str(data["check"]), measure, schedule, run, str(data["because"]), sequential
    )


def _step(data: Mapping[str, Any]) -> Step:
    said = dict(data)
    for name in ("commands", "replies", "gone"):
        said[name] = tuple(map(str, said.get(name, ())))
    for name in ("client", "moved", "at"):
        said[name] = int(said.get(name, 0))
    answered, said["state"] = said.pop("answered"), str(said["state"])
    return Step(**said, answered=None if answered is None else Outcome[answered.upper()])
