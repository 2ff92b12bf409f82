"""A run: limiters × scenarios → load → histories on disk → verdicts, told as events."""

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
from limitproof.check.judge import judgement_to_json, summary
from limitproof.events import Event, LimiterJudged, LimiterStarted, RunFinished, RunStarted, Tick
from limitproof.expectations import judged_against_known
from limitproof.history.columns import Meta
from limitproof.load.engine import (
    Recorded,
    StageStarted,
    Task,
    Waiting,
    clean_up,
    drive,
    watch_after,
)
from limitproof.load.plan import Job, Stage, stage_scenarios
from limitproof.promises import describe, parse_promise
from limitproof.servers.handle import Server
from scenarios.catalogue import CONTROLS, STAGES, scenario
from scenarios.model import Keys, Scenario

BRIEF = 3.5  # windows of sustained load on a specimen; a family gets the scenario's own length
STARTING = 3.0  # seconds that Locust takes before its first stage, about
FINISHING = 2.0  # seconds that judging the last limiter and drawing take, about


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """How to drive a limiter.

    clients: a process; scenarios: names, none for all; seconds: length of the main phase of a
    scenario; rate: requests a second of all clients together (None: a closed loop, as fast as
    it goes); keys: the population of a key choice by Zipf's law where given; checks: what is to
    be judged, none for all that the scenarios are made for.
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
) -> Iterator[Event]:
    """Drive, record, judge and save each target in turn; yields what happens.

    One target's files lie in `folder` itself, those of several in a folder each. Raises OSError
    when the results cannot be written and load.locust.LocustError when Locust does not start.
    """
    names = _distinct([target.name for target in targets])
    prefix = f"limitproof:{os.getpid()}:{folder.name}:"
    tasks = [
        _task(target, name, f"{prefix}{name}:", options, server)
        for target, name in zip(targets, names, strict=True)
    ]
    results.write_json(folder / results.RUN, _about_run(names, options, server))
    yield RunStarted(
        limiters=tuple(task.meta.limiter for task in tasks),
        seconds=STARTING
        + sum(task.job.seconds for task in tasks)
        + watch_after(options.quota.window)
        + FINISHING,
        server=f"{server.name} {server.version}",
        folder=folder,
    )
    judged: list[LimiterJudged] = []
    begun: set[str] = set()
    labels = {task.job.name: task.meta.limiter for task in tasks}
    seconds = {task.job.name: task.job.seconds for task in tasks}
    try:
        for event in drive(
            tasks, server, folder,
            processes=options.processes, clients=options.clients, seed=options.seed, stop=stop,
        ):  # fmt: skip
            if isinstance(event, Waiting):
                yield Tick()
            elif isinstance(event, StageStarted):
                if event.job not in begun:
                    begun.add(event.job)
                    yield LimiterStarted(labels[event.job], seconds[event.job])
            else:
                own = folder if len(targets) == 1 else folder / event.job
                finished = _judged(event, own)
                judged.append(finished)
                yield finished
    finally:
        clean_up(server, prefix)
    results.tidy(folder)
    stopped = next((j.history.meta.interrupted for j in judged if j.history.meta.interrupted), "")
    if len(targets) > 1:
        results.write_json(folder / results.VERDICT, summary([one.judgement for one in judged]))
    yield RunFinished(folder, tuple(judged), stopped)


def _judged(event: Recorded, folder: Path) -> LimiterJudged:
    results.save_history(event.history, folder)
    shutil.rmtree(event.records)
    finished = judged_against_known(event.history, folder)
    results.write_json(folder / results.VERDICT, judgement_to_json(finished.judgement))
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
