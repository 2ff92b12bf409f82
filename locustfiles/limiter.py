"""Locust users that ask a rate limiter.

By hand, web UI included:  locust -f locustfiles/limiter.py --limiter lua_atomic
Several processes:         add --processes 4
Several machines:          --master on one, --worker --master-host HOST on the others
As part of a suite run:    `limitproof load` starts it with --plan.
"""

from __future__ import annotations

import json
import os
import sys
import time
from argparse import Namespace
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import gevent
from locust import User, constant, events, task
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.runners import MasterRunner, Runner, WorkerRunner

from limiters.contract import Quota
from limiters.registry import resolve
from limitproof.decisions import one_line
from limitproof.history.outcome import Outcome
from limitproof.load.client import ServerGoneError
from limitproof.load.plan import Plan
from limitproof.load.session import Session, adhoc_plan
from limitproof.servers.errors import ServerError
from limitproof.servers.lifetime import die_with_parent
from limitproof.servers.server import open_server
from limitproof.traffic import Flood, script
from locustfiles.rendezvous import Conductor, Rendezvous, muster, prepared, worker_index


class Say(Protocol):
    """Tells the suite one event."""

    def __call__(self, event: str, **data: Any) -> None: ...


FOR_EVER = 1e9  # seconds
STOP_SECONDS = 2.0  # that a request under way may take when Locust is stopped by hand


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]
def add_options(parser: LocustArgumentParser) -> None:
    """Our options of the locust command line; the master hands them to its workers."""
    parser.add_argument("--limiter", default="lua_atomic", help="name, module:factory, file.py:f")
    parser.add_argument("--limit", type=int, default=10, help="requests a window")
    parser.add_argument("--window", type=float, default=1.0, help="seconds")
    parser.add_argument("--redis", default=None, help="redis://, rediss://, unix:// or spawn")
    parser.add_argument("--keys", type=int, default=1, help="keys, chosen by Zipf's law")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--record", default=None, help="folder for the record of every operation")
    parser.add_argument("--plan", default=None, include_in_web_ui=False, help="used by the suite")


@dataclass(frozen=True, slots=True)
class Share:
    """What the users of one process share; without a plan there is no barrier."""

    session: Session
    barrier: Rendezvous | None
    say: Say


class LimiterUser(User):
    """One client with a limiter and a connection of its own."""

    wait_time = constant(0)
    share: ClassVar[Share]  # set once a process, by Locust's events, before any user exists

    def on_start(self) -> None:
        self.session = self.share.session
        self.number = self.session.next_client()
        self.resources = ExitStack()
        if self.share.barrier is None:
            self._prepare_to_ask()

    def on_stop(self) -> None:
        self.resources.close()

    @task
    def ask(self) -> None:
        if self.share.barrier is None:
            self._ask_once()
            return
        try:
            self._follow_plan(self.share.barrier)
        except (ServerGoneError, OSError) as error:
            self.share.say("trouble", why=str(error))
        except Exception as error:
            self.share.say("trouble", why=f"a client broke: {one_line(error)}")
            raise
        gevent.sleep(FOR_EVER)  # until the master ends us: the run is over

    def _follow_plan(self, barrier: Rendezvous) -> None:
        plan, number = self.session.plan, self.number
        order = 0
        for place, job in enumerate(plan.jobs):
            barrier.arrive(order)  # so that all know whose fault it is when the next step hangs
            order += 1
            with self.session.client(place, number) as client:
                for stage in job.stages:
                    start = barrier.arrive(order)
                    order += 1
                    self.session.begun(place)
                    part = stage.part_of(number)
                    if client is None or part is None:
                        continue
                    if part.scenario.aligned:
                        window = round(job.quota.window * 1e9)
                        start = -(-start // window) * window
                    steps = script(
                        part.scenario, job.quota, number - part.first, part.clients, plan.seed
                    )
                    client.perform(steps, start)
        barrier.arrive(order)

    def _prepare_to_ask(self) -> None:
        """By hand there is one endless closed loop, one request a task: Locust may stop us."""
        plan = self.session.plan
        (job,) = plan.jobs
        scenario = job.stages[0].parts[0].scenario
        (flood,) = script(scenario, job.quota, 0, plan.total_clients, plan.seed + self.number)
        if not isinstance(flood, Flood):
            raise TypeError(f"{scenario.name} is no closed loop")
        self.flood = flood
        self.client = self.resources.enter_context(self.session.client(0, self.number))
        self.begun = time.monotonic()

    def _ask_once(self) -> None:
        asked = time.perf_counter()
        failure, outcome = None, Outcome.ERROR
        if self.client is None:
            failure = "the limiter could not be made"
        else:
            try:
                outcome = self.client.acquire(self.flood.key_at(time.monotonic() - self.begun))
                if outcome not in (Outcome.ADMITTED, Outcome.REJECTED):
                    failure = outcome.name
            except (ServerGoneError, OSError) as error:
                failure = str(error)
        self.environment.events.request.fire(
            request_type="acquire",
            name=outcome.name.lower(),
            response_time=(time.perf_counter() - asked) * 1000,
            response_length=0,
            exception=RuntimeError(failure) if failure else None,
            context={},
        )
        if failure:
            gevent.sleep(0.1)


@events.init.add_listener  # type: ignore[untyped-decorator]
def prepare(environment: Environment, runner: Runner, **_: Any) -> None:
    """Make ready in every process: what the users share, and in the master who conducts them."""
    options = _options(environment)
    if options.plan:
        die_with_parent()
        # A limiter may fork, and its child is a client that nobody waits for.
        os.register_at_fork(after_in_child=die_with_parent)
        plan = Plan.from_json(Path(options.plan).read_text())
        say = _teller(Path(plan.folder))
        if not isinstance(runner, WorkerRunner):
            _conduct(runner, plan, say)
        if not isinstance(runner, MasterRunner):
            session = Session(plan, lambda: worker_index(runner))
            LimiterUser.share = Share(session, Rendezvous(runner, plan.clients), say)
        if isinstance(runner, WorkerRunner):
            prepared(runner)
        elif isinstance(runner, MasterRunner):
            muster(runner, plan.processes)
        return
    if not environment.stop_timeout:
        environment.stop_timeout = STOP_SECONDS
    if not isinstance(runner, WorkerRunner):
        resources = ExitStack()
        environment.events.quit.add_listener(  # type: ignore[no-untyped-call]
            lambda **_: resources.close()
        )
        try:
            resolve(options.limiter)
            _plan_by_hand(options)  # for what is wrong with the options
            server = resources.enter_context(open_server(options.redis, os.environ))
        except (ServerError, ValueError, OSError) as error:
            sys.exit(f"limitproof: {error}")
        options.redis = server.url  # the master hands it to its workers with the other options


@events.test_start.add_listener  # type: ignore[untyped-decorator]
def begin_by_hand(environment: Environment, **_: Any) -> None:
    """A test was started by hand: the options have come from the master by now.

    A worker may be told so before `prepare` has run there: it is connected by then already.
    """
    runner, options = environment.runner, _options(environment)
    if options.plan or isinstance(runner, MasterRunner):
        return
    session = Session(_plan_by_hand(options), lambda: _index_of(environment))
    LimiterUser.share = Share(session, None, _say_nothing)


def _index_of(environment: Environment) -> int:
    """The number of this process.

    A worker's runner connects while it is made, and may be told to begin before Locust has put it
    into `environment`: its users wait until then.
    """
    while environment.runner is None:
        gevent.sleep(0.001)
    return worker_index(environment.runner)


def _plan_by_hand(options: Namespace) -> Plan:
    """The plan of a test started by hand. Raises ValueError, TargetError and OSError."""
    return adhoc_plan(
        url=options.redis or "",
        target=options.limiter,
        quota=Quota(options.limit, options.window),
        keys=options.keys,
        seed=options.seed,
        folder=options.record,
    )


def _say_nothing(event: str, **data: Any) -> None:
    """Without a suite there is nobody to tell."""


def _options(environment: Environment) -> Namespace:
    if environment.parsed_options is None:
        raise RuntimeError("this locustfile needs Locust's command line")
    options: Namespace = environment.parsed_options
    return options


def _conduct(runner: Runner, plan: Plan, say: Say) -> None:
    """In the master: give the word for each job and stage, tell the suite, and end with the last.

    A job begins with the making of its limiters, then come its stages.
    """
    stages = [(job, stage) for job in plan.jobs for stage in (None, *job.stages)]

    def on_go(order: int, start: int) -> None:
        if order == len(stages):
            say("done")
            gevent.spawn_later(0.01, runner.quit)
            return
        job, stage = stages[order]
        if stage is None:
            say("job", job=job.name)
        else:
            say("stage", job=job.name, order=order, start=start, seconds=stage.seconds(job.quota))

    limits = [
        (stage.most_seconds(job.quota) if stage else 0.0) + job.grace for job, stage in stages
    ]
    Conductor(runner, plan.processes, limits, on_go, lambda why: say("trouble", why=why))


def _teller(folder: Path) -> Say:
    """A function that appends one event, as a JSON line, to the file that the suite follows."""
    path = folder / "events.jsonl"

    def say(event: str, **data: Any) -> None:
        # One write in append mode: lines of several processes do not mix.
        with path.open("a") as file:
            file.write(json.dumps({"event": event, **data}) + "\n")

    return say
