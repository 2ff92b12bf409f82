"""A limiter whose state is in its process, asked in two of them.

In the simulated world all clients share a process, and would share such a limiter's state; in
production they do not.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle, send_handle
from pathlib import Path

from limiters.contract import Quota
from limiters.registry import resolve
from limitproof.check.tales.overshoot import overshoot
from limitproof.check.tales.remaining import remaining
from limitproof.check.tales.retry_after import retry_after
from limitproof.check.verdict import Cause, CheckResult, Verdict
from limitproof.servers.handle import Server
from limitproof.servers.lifetime import die_with_parent
from limitproof.servers.virtual import VirtualServer, virtual_server
from limitproof.simulate.cast import Cast
from limitproof.simulate.opening import world_on
from limitproof.stories import Operation, Tale
from limitproof.verify.laboratory import Examined, Subject
from limitproof.verify.player import Player

PROCESSES = 2
JUDGES = {"overshoot": overshoot, "remaining": remaining, "retry-after": retry_after}


def asked_apart(subject: Subject, program: Path | None) -> Tale:
    """What it answers in one process after the other, all at one instant of virtual time.

    They share one Redis, as in production: who only remembers that Redis refused is right in both.
    Raises ServerError without a server.
    """
    told: list[Operation] = []
    with virtual_server(program) as virtual:
        for number in range(PROCESSES):
            context = multiprocessing.get_context("spawn")
            ours, theirs = context.Pipe()
            seat = (number, subject.target.spec, subject.quota, subject.seed)
            process = context.Process(
                target=_ask_alone, args=(*seat, virtual.server, theirs, os.getpid())
            )
            process.start()
            theirs.close()
            with suppress(EOFError, OSError):  # it ended its process: what it did not answer is
                send_handle(ours, virtual.handle, process.pid)  # not counted
                told += _after(told, ours.recv())
            process.kill()  # a thread of the limiter's would keep it
            process.join()
            ours.close()
    return Tale(tuple(told))


def judged_apart(subject: Subject, names: Collection[str], tale: Tale) -> dict[str, Examined]:
    """What two processes were answered, by these checks; what needs more than that is unknown."""
    where = f"with its state in each of {PROCESSES} processes"
    found = {}
    for name in names:
        why = JUDGES[name](tale, subject.promised) if name in JUDGES else ""
        if why:
            result = CheckResult(name, Verdict.FAIL, f"{where}: {why}", Cause.ALGORITHM)
        else:
            result = CheckResult(
                name, Verdict.UNKNOWN, "not simulated: its state is in the process", complete=False
            )
        found[name] = Examined(result)
    return found


def _after(earlier: Sequence[Operation], later: Sequence[Operation]) -> list[Operation]:
    """Requests of a process that was asked when those of the others were over."""
    first = 1 + max((one.over or one.place for one in earlier), default=-1)
    return [
        replace(one, place=first + one.place, over=None if one.over is None else first + one.over)
        for one in later
    ]


def _ask_alone(
    number: int,
    spec: str,
    quota: Quota,
    seed: int,
    server: Server,
    pipe: Connection,
    parent: int,
) -> None:
    """In a process of its own: one client asks until it is refused, at the first instant."""
    die_with_parent(parent)
    cast = Cast(resolve(spec), quota, number + 1, 1, seed)
    virtual = VirtualServer(server, recv_handle(pipe))
    with world_on(virtual, cast, rehearsed=False) as world:
        player = Player(world)
        if number:  # what the process before has stored is there
            world.keep()
        for _ in range(quota.limit + 1):
            player.acquire(number)
        pipe.send(player.tale().operations)
