"""A run: limiters × scenarios → exploring, load → histories on disk → verdicts, told as events."""

from __future__ import annotations

import math
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from limiters.contract import Quota
from limiters.promise import promise_of
from limiters.registry import Target, TargetError
from limitproof import results
from limitproof.check.judgement_json import judgement_to_json, summary
from limitproof.events import (
    Event,
    ExplorationStarted,
    LimiterExplored,
    LimiterJudged,
    LimiterStarted,
    RunFinished,
    RunStarted,
    Tick,
)
from limitproof.expectations import judged_against_known, verdict_of
from limitproof.explored import Explored, save_explored
from limitproof.exploring import STOPPED, explore_target
from limitproof.history.columns import History, Operations
from limitproof.history.meta import Meta
from limitproof.load.engine import (
    StageStarted,
    Task,
    Waiting,
    clean_up,
    drive,
    watch_after,
)
from limitproof.load.plan import Job, Stage, stage_scenarios
from limitproof.promises import describe, parse_promise
from limitproof.saved import save_history
from limitproof.servers.handle import Server
from scenarios.catalogue import CONTROLS, STAGES, scenario
from scenarios.model import Keys, Scenario

BRIEF = 3.5  # windows of sustained load on a specimen; a family gets the scenario's own length
EXPLORING = 0.8  # seconds that exploring a limiter takes, about, where its budget is larger
STARTING = 3.0  # seconds that Locust takes before its first stage, about
FINISHING = 2.0  # seconds that judging the last limiter and drawing take, about


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """How to drive a limiter.

    clients: a process; scenarios: names, none for all; seconds: length of the main phase of a
    scenario; rate: requests a second of all clients together (None: a closed loop, as fast as
    it goes); keys: the population of a key choice by Zipf's law where given; checks: what is to
    be judged, none for all that the scenarios are made for; explore: seconds for looking through
    the interleavings of each limiter, 0 to leave that out.
    """

    quota: Quota
    processes: int = 2
    clients: int = 8
    seed: int = 0
    scenarios: tuple[str, ...] = ()
    seconds: float | None = None
    rate: float | None = None
    keys: int | None = None
    promise: str | None = None
    checks: tuple[str, ...] = ()
    explore: float = 0.0


def stages(options: LoadOptions, *, brief: bool = False) -> tuple[Stage, ...]:
    """What one limiter goes through. A chosen scenario is joined by the sequential controls,
    without which nobody could say whether a defect needs an interleaving."""
    total = options.processes * options.clients
    if not options.scenarios:
        groups = [[_adapted(scenario(name), options, brief=brief) for name in s] for s in STAGES]
    else:
        chosen = [_adapted(scenario(name), options, brief=brief) for name in options.scenarios]
        controls = [control for control in CONTROLS if control.name not in options.scenarios]
        groups = [[one] for one in chosen] + [controls]
    return tuple(stage for group in groups for stage in stage_scenarios(group, total))


def _adapted(plain: Scenario, options: LoadOptions, *, brief: bool) -> Scenario:
    window, limit = options.quota.window, options.quota.limit
    one = plain
    if brief and one.duration > BRIEF:
        one = one.stretched(BRIEF)
    if options.seconds is not None and not one.sequential:
        one = one.stretched(options.seconds / window)
    if options.rate is not None:
        one = one.at_rate(options.rate * window / limit)
    if options.keys is not None and not one.sequential and not one.keys.turnover:
        one = replace(one, keys=Keys(count=options.keys, skew=one.keys.skew))
    needed = memory_seconds(window) / window
    if "memory" in one.checks and options.seconds is None and one.duration < needed:
        one = one.stretched(needed)  # a window of 50 ms: sustained would be over in 0.2 s
    return one


def memory_seconds(window: float) -> float:
    """How long keys must be in use before `memory` can tell a leak from a bound."""
    return math.ceil(window) + max(2.2 * window, 1.0) + 0.2


def run(
    targets: Sequence[Target],
    options: LoadOptions,
    server: Server,
    folder: Path,
    *,
    stop: Callable[[], bool] = lambda: False,
    program: Path | None = None,
) -> Iterator[Event]:
    """Explore, drive, record, judge and save each target; yields what happens.

    One target's files lie in `folder` itself, those of several in a folder each. program: of the
    server on which interleavings are explored, None for the default. Raises OSError when the
    results cannot be written and load.locust.LocustError when Locust does not start.
    """
    names = _distinct([target.name for target in targets])
    prefix = f"limitproof:{os.getpid()}:{folder.name}:"
    parts = [
        _Part(
            target,
            _task(target, name, f"{prefix}{name}:", options, server),
            folder if len(targets) == 1 else folder / name,
        )
        for target, name in zip(targets, names, strict=True)
    ]
    results.write_json(folder / results.RUN, _about_run(names, options, server))
    yield RunStarted(
        limiters=tuple(part.limiter for part in parts),
        seconds=STARTING
        + sum(part.task.job.seconds + min(options.explore, EXPLORING) for part in parts)
        + max((watch_after(part.task.meta) for part in parts), default=0.0)
        + FINISHING,
        server=f"{server.name} {server.version}",
        folder=folder,
    )
    for place, part in enumerate(parts if options.explore > 0 else ()):
        if stop():
            break
        yield ExplorationStarted(part.limiter, options.explore)
        parts[place] = _explored(part, options, stop, program)
        yield LimiterExplored(part.limiter, parts[place].explored, part.folder)
    judged: list[LimiterJudged] = []
    try:
        load = _load(parts, options, server, folder, stop)
        for event in _unloaded(parts) if stop() else load:
            if isinstance(event, LimiterJudged):
                judged.append(event)
            yield event
    finally:
        clean_up(server, prefix)
    results.tidy(folder)
    stopped = next((j.history.meta.interrupted for j in judged if j.history.meta.interrupted), "")
    if len(targets) > 1:
        told = summary([one.judgement for one in judged], verdict_of(judged, stopped))
        results.write_json(folder / results.VERDICT, told)
    yield RunFinished(folder, tuple(judged), stopped)


@dataclass(frozen=True, slots=True)
class _Part:
    """One limiter of a run, the folder of its files, and what exploring it has shown."""

    target: Target
    task: Task
    folder: Path
    explored: tuple[Explored, ...] = ()

    @property
    def limiter(self) -> str:
        return self.task.meta.limiter


def _explored(
    part: _Part, options: LoadOptions, stop: Callable[[], bool], program: Path | None
) -> _Part:
    found = explore_target(
        part.target, options.quota.window, seconds=options.explore, seed=options.seed,
        promise=options.promise, program=program, stop=stop,
    )  # fmt: skip
    save_explored(found, part.folder)
    return replace(part, explored=found)


def _load(
    parts: Sequence[_Part],
    options: LoadOptions,
    server: Server,
    folder: Path,
    stop: Callable[[], bool],
) -> Iterator[Event]:
    begun: set[str] = set()
    by_name = {part.task.job.name: part for part in parts}
    for event in drive(
        [part.task for part in parts], server, folder,
        processes=options.processes, clients=options.clients, seed=options.seed, stop=stop,
    ):  # fmt: skip
        if isinstance(event, Waiting):
            yield Tick()
        elif isinstance(event, StageStarted):
            if event.job not in begun:
                begun.add(event.job)
                part = by_name[event.job]
                yield LimiterStarted(part.limiter, part.task.job.seconds)
        else:
            yield _judged(event.history, by_name[event.job], event.records)


def _unloaded(parts: Sequence[_Part]) -> Iterator[LimiterJudged]:
    """What exploring has shown before Ctrl-C, each with a history in which nothing happened."""
    for part in parts:
        if part.explored:
            meta = replace(part.task.meta, interrupted=STOPPED)
            yield _judged(History(meta, Operations.of((), ()), ()), part)


def _judged(history: History, part: _Part, records: Path | None = None) -> LimiterJudged:
    save_history(history, part.folder)
    if records is not None:
        shutil.rmtree(records)
    finished = judged_against_known(history, part.folder, part.explored)
    results.write_json(part.folder / results.VERDICT, judgement_to_json(finished.judgement))
    return finished


def _task(target: Target, name: str, prefix: str, options: LoadOptions, server: Server) -> Task:
    brief = target.entry is not None and target.entry.kind != "family"
    job = Job(name, target.spec, options.quota, prefix, stages(options, brief=brief))
    meta = Meta(
        limiter=target.name if _safe(target.name) == name else name,
        target=target.spec if target.entry is None else target.name,
        limit=options.quota.limit,
        window=options.quota.window,
        promise=_promise(target, options),
        seed=options.seed,
        engine="load",
        processes=options.processes,
        clients=options.clients,
        server=dict(server.meta),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        written_by=target.entry.written_by if target.entry else "",
        checks=options.checks or _shown(job),
        contended=() if options.checks else _contended(job),
        rate=options.rate,
    )
    return Task(job, meta)


def _promise(target: Target, options: LoadOptions) -> dict[str, Any]:
    """What a limiter is judged by. Raises TargetError when what it declares is of no use."""
    if options.promise is not None:
        return describe(parse_promise(options.promise, options.quota))
    try:
        return describe(promise_of(target.factory, options.quota))
    except Exception as error:  # foreign code may do anything
        told = f"{type(error).__name__}: {error}"
        raise TargetError(f"the promise of {target.name} is of no use: {told}") from error


def _shown(job: Job) -> tuple[str, ...]:
    """The checks for which a job's scenarios are made; `contract` always holds."""
    parts = [part for stage in job.stages for part in stage.parts]
    return ("contract", *dict.fromkeys(check for p in parts for check in p.scenario.checks))


def _contended(job: Job) -> tuple[str, ...]:
    """The scenarios of a job in which clients are to meet on a key that is asked too much."""
    parts = [part.scenario for stage in job.stages for part in stage.parts]
    names = (one.name for one in parts if "overshoot" in one.checks and not one.sequential)
    return tuple(dict.fromkeys(names))


def _distinct(names: Sequence[str]) -> list[str]:
    """Names that can be folders, each once."""
    seen: dict[str, int] = {}
    distinct = []
    for name in names:
        safe = _safe(name)
        seen[safe] = seen.get(safe, 0) + 1
        distinct.append(safe if seen[safe] == 1 else f"{safe}-{seen[safe]}")
    return distinct


def _safe(name: str) -> str:
    """A name that can be a folder."""
    return "".join(c if c.isalnum() or c in "_-." else "_" for c in name).strip(".") or "_"


def _about_run(names: Sequence[str], options: LoadOptions, server: Server) -> dict[str, Any]:
    return {
        "schema": 1,
        "limiters": list(names),
        "options": asdict(options),
        "server": dict(server.meta),
        "machine": {
            "cores": os.cpu_count(),
            "system": platform.system(),
            "architecture": platform.machine(),
            "python": platform.python_version(),
        },
        "packages": {name: version(name) for name in ("limitproof", "redis", "locust", "hiredis")},
        "command": ["limitproof", *sys.argv[1:]],
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
