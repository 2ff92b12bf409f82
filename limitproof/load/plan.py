"""What a load run will do, told to the processes that do it: plain data, as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from limiters.contract import Quota
from limitproof import traffic
from scenarios.model import Herd, Keys, Paced, Phase, Saturate, Scenario


def patience(quota: Quota) -> float:
    """Seconds after which a client gives up what is left of its part in a herd."""
    return max(1.0, quota.window)


@dataclass(frozen=True, slots=True)
class Part:
    """One scenario played by clients number `first` up to `first + clients`."""

    scenario: Scenario
    first: int
    clients: int


@dataclass(frozen=True, slots=True)
class Stage:
    """Parts that run side by side, from one common instant on."""

    parts: tuple[Part, ...]

    def part_of(self, client: int) -> Part | None:
        return next((p for p in self.parts if p.first <= client < p.first + p.clients), None)

    def seconds(self, quota: Quota) -> float:
        return max(traffic.seconds(part.scenario, quota) for part in self.parts)

    def most_seconds(self, quota: Quota) -> float:
        """With a slow limiter: every herd may take as long as its clients have patience."""
        herds = max(
            sum(isinstance(phase, Herd) for phase in part.scenario.phases) for part in self.parts
        )
        return self.seconds(quota) + herds * patience(quota)


@dataclass(frozen=True, slots=True)
class Job:
    """One limiter and all that is done to it. `prefix` starts every key that it is given.

    record: keep every operation in a file; without, the load is the same and leaves nothing.
    grace: seconds that a stage, or the making of the limiter, may take longer than planned; then
    the limiter counts as hanging.
    """

    name: str
    target: str
    quota: Quota
    prefix: str
    stages: tuple[Stage, ...]
    record: bool = True
    grace: float = 6.0

    @property
    def seconds(self) -> float:
        return sum(stage.seconds(self.quota) for stage in self.stages)


@dataclass(frozen=True, slots=True)
class Plan:
    """All jobs of one Locust run: where Redis is, where the records go, how many clients.

    `clients` counts those of one process; client number c runs in process c mod `processes`.
    """

    url: str
    folder: str
    seed: int
    processes: int
    clients: int
    jobs: tuple[Job, ...]

    @property
    def total_clients(self) -> int:
        return self.processes * self.clients

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Plan:
        data = json.loads(text)
        return cls(**{**data, "jobs": tuple(_job(job) for job in data["jobs"])})


def _job(data: dict[str, Any]) -> Job:
    stages = tuple(
        Stage(
            tuple(Part(**{**part, "scenario": _scenario(part["scenario"])}) for part in s["parts"])
        )
        for s in data["stages"]
    )
    return Job(**{**data, "quota": Quota(**data["quota"]), "stages": stages})


def _scenario(data: dict[str, Any]) -> Scenario:
    phases: list[Phase] = []
    for phase in data["phases"]:
        if "requests" in phase:
            phases.append(Herd(**phase))
            continue
        keys = None if phase["keys"] is None else Keys(**phase["keys"])
        kind = Paced if "rate" in phase else Saturate
        phases.append(kind(**{**phase, "keys": keys}))
    return Scenario(
        **{
            **data,
            "phases": tuple(phases),
            "checks": tuple(data["checks"]),
            "keys": Keys(**data["keys"]),
        }
    )


def stage_scenarios(scenarios: Sequence[Scenario], clients: int) -> tuple[Stage, ...]:
    """Let scenarios run side by side, as far as the clients go; the rest follows after.

    Scenarios that want a number of clients get it (at most all there are); those that want all
    share what is left over, at least two each.
    """
    stages: list[Stage] = []
    waiting = list(scenarios)
    while waiting:
        chosen: list[Scenario] = []
        later: list[Scenario] = []
        free = clients
        for scenario in waiting:
            need = min(scenario.clients or 2, clients)
            if need <= free:
                chosen.append(scenario)
                free -= need
            else:
                later.append(scenario)
        waiting = later
        stages.append(_share(chosen, clients))
    return tuple(stages)


def _share(scenarios: Sequence[Scenario], clients: int) -> Stage:
    needs = [min(scenario.clients or 2, clients) for scenario in scenarios]
    greedy = [place for place, scenario in enumerate(scenarios) if scenario.clients is None]
    extra = clients - sum(needs)
    for turn, place in enumerate(greedy):
        needs[place] += extra // len(greedy) + (turn < extra % len(greedy))
    first, parts = 0, []
    for scenario, need in zip(scenarios, needs, strict=True):
        parts.append(Part(scenario, first, need))
        first += need
    return Stage(tuple(parts))
