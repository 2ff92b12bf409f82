"""Opening a world: its server, its first instant, its sandbox, its rehearsal."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from limitproof.servers.virtual import START, VirtualServer, virtual_server
from limitproof.simulate.bindings import Known
from limitproof.simulate.cast import Cast
from limitproof.simulate.one_cpu import one_cpu
from limitproof.simulate.patched import refuse_patched
from limitproof.simulate.processes import no_processes
from limitproof.simulate.rehearsal import rehearse
from limitproof.simulate.sandbox import sandbox
from limitproof.simulate.snapshot import LOAD
from limitproof.simulate.unstoppable import GiveUp, end_process
from limitproof.simulate.watchdog import watchdog
from limitproof.simulate.world import World


@contextmanager
def open_world(
    cast: Cast,
    *,
    program: Path | None = None,
    environ: Mapping[str, str] | None = None,
    moving: bool = False,
    until: float = math.inf,
    known: Known | None = None,
) -> Iterator[World]:
    """A world on a server of its own, which ends with the `with`.

    moving: whether its clocks can be moved; a server whose clock stands still is faster. until: by
    time.perf_counter(), from when on no client is let run. known: as `sandbox` takes it. Raises
    ServerError without a server or without libfaketime; RefusedError when the limiter cannot be
    simulated, TimeNeededError among them when that takes moving clocks, SlowError when the time is
    over.
    """
    refuse_patched()
    with (
        virtual_server(
            program, arguments=("--rdbcompression", "no"), environ=environ, moving=moving
        ) as virtual,
        world_on(virtual, cast, until=until, known=known) as world,
    ):
        yield world


@contextmanager
def world_on(
    virtual: VirtualServer,
    cast: Cast,
    *,
    rehearsed: bool = True,
    until: float = math.inf,
    give_up: GiveUp = end_process,
    known: Known | None = None,
) -> Iterator[World]:
    """A world on a virtual server that runs already; it is emptied.

    rehearsed: False for a limiter that remembers in its process what it was asked in a rehearsal.
    until: as `open_world` takes it. give_up: called when the limiter cannot be stopped. known: as
    `sandbox` takes it.
    """
    path = virtual.server.url.removeprefix("unix://")
    if virtual.moving:
        virtual.set(START)
    with one_cpu(virtual.server.pid):
        world = World(cast, virtual, path, until)
        with watchdog(world.turns, world.inside, world.refuse, give_up):
            try:
                world.send(LOAD, 2)
                with (
                    sandbox(
                        world.clock,
                        world.urandom,
                        world.sleep,
                        world.refuse,
                        inside=world.inside,
                        process=world.process,
                        known=known,
                    ) as world.travel,
                    no_processes(world.refuse, world.inside, world.in_new_thread),
                    closing(world),  # whoever sleeps in a `finally` does so in virtual time
                ):
                    if rehearsed:
                        rehearse(world)
                    yield world
            finally:
                world.close()
