"""`cluster`: the keys of each command and script, and a node of a cluster that sees more."""

from __future__ import annotations

import asyncio
import inspect
import re
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from itertools import count
from time import monotonic
from typing import Any
from unittest.mock import patch

import redis
import redis.asyncio

from limiters.contract import Quota
from limitproof.check.tales.acts import SECOND, shown_key
from limitproof.check.tales.cluster import Command, cluster
from limitproof.check.verdict import Verdict
from limitproof.servers.errors import ServerError
from limitproof.servers.virtual import START, VirtualServer, virtual_server
from limitproof.verify.experiments.experiment import Experiment, Played, Summary, Trial, small
from limitproof.verify.experiments.hand import SPACING, Hand
from limitproof.verify.laboratory import Laboratory, Subject

USER, PASSWORD = "limiter", "limiter"  # of a server that nobody else can reach
KEY = "user:7"
MOST_NAPS = 50
ASYNC_SECONDS = 5.0  # for all requests of a limiter with `async def`, of real time
SECONDS = 30.0  # to be ready, of real time; it takes a tenth of one


def _requests(number: int, hand: Hand) -> None:
    for _ in range(number):
        hand.ask(key=KEY)
        hand.look()
        hand.wait(SPACING)


def _trials(laboratory: Laboratory, _played: Sequence[Played]) -> Iterator[Trial]:
    quota = small(laboratory.quota, most=3)
    yield Trial(partial(_requests, quota.limit + 1), quota, shown=True)


def _commands(played: Sequence[Played]) -> list[Command]:
    return list(
        dict.fromkeys(
            command for one in played for told in one.tale.happenings for command in told.raw
        )
    )


def _sum_up(played: Sequence[Played]) -> Summary:
    sent = len(_commands(played))
    if not sent:
        return Summary("it sends nothing: it touches no key", Verdict.NOT_TOLD)
    return Summary("every key is declared, and no command or script spans two slots")


def _on_a_node(laboratory: Laboratory, played: Sequence[Played]) -> Summary | None:
    """What a node of a cluster refuses, where scripts may touch only what they declare.

    It also sees what a script only reads, by the server's own log of refusals (ACL LOG), and what
    a limiter that swallows errors would hide. A key that no simulated request had (it is named by
    the clock, or drawn) says nothing here.
    """
    commands = _commands(played)
    if not commands:
        return None
    try:
        why = _refusal(laboratory, commands)
    except ServerError as error:
        return Summary(f"no node of a cluster could be asked: {error}", Verdict.UNKNOWN)
    return Summary(why, Verdict.FAIL) if why else None


def _refusal(laboratory: Laboratory, commands: Sequence[Command]) -> str:
    """Why a node refuses a limiter; "" when it does not. Raises ServerError without a node."""
    with (
        virtual_server(laboratory.program, arguments=_alone()) as node,
        node.server.client() as control,
    ):
        now = _get_ready(node, control) / SECOND
        keys = sorted({key for one in commands for key in _keys(control, one)})
        rights: list[bytes | str] = ["reset", "on", f">{PASSWORD}", "+@all", *map(_pattern, keys)]
        control.execute_command("ACL SETUSER", USER, *rights)
        _ask(laboratory.subject, small(laboratory.quota, most=3), node, now)
        return _refused(control)


def _alone() -> tuple[str, ...]:
    """A node that others of its kind on this machine do not disturb.

    The port of a cluster's own bus is another's plus 10,000 unless it is told: without a port,
    every node would want 10,000.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return ("--cluster-enabled", "yes", "--cluster-port", str(port), "--bind", "127.0.0.1")


def _get_ready(node: VirtualServer, control: redis.Redis) -> int:
    """All slots are its own, and it takes commands; the instant at which it does (µs).

    Raises ServerError when it does not. A new node takes none for two seconds after it first looked
    at its state, whenever that is: its clock must go on.
    """
    instant = START
    control.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16_383)  # type: ignore[no-untyped-call]
    end = monotonic() + SECONDS
    while monotonic() < end:
        instant += SECOND
        node.set(instant)
        info: Any = control.execute_command("CLUSTER", "INFO")  # type: ignore[no-untyped-call]
        if "'cluster_state': 'ok'" in str(info) or "cluster_state:ok" in str(info):
            return instant
        time.sleep(0.005)
    raise ServerError(f"a node is not ready after {SECONDS:g} s", "try another server program")


def _keys(control: redis.Redis, command: Command) -> list[bytes]:
    try:
        found: Any = control.command_getkeys(*command)
    except redis.ResponseError:  # a command without keys
        return []
    return [bytes(key) if isinstance(key, bytes) else str(key).encode() for key in found]


def _pattern(key: bytes) -> bytes:
    """The right to this key and to no other."""
    return b"~" + re.sub(rb"([*?\[\]\\])", rb"\\\1", key)


class _EnoughError(BaseException):
    """It sleeps again and again. Not an Exception, which a limiter might swallow."""


@contextmanager
def _no_sleep() -> Iterator[None]:
    """A limiter that waits for its turn is not waited for: the node's clock stands still."""
    naps = count()

    def nap(_seconds: float) -> None:
        if next(naps) >= MOST_NAPS:
            raise _EnoughError

    with patch.object(time, "sleep", nap), suppress(_EnoughError):
        yield


def _ask(subject: Subject, quota: Quota, node: VirtualServer, now: float) -> None:
    """All that it admits, and one more; what the limiter makes of an error is its own business."""
    path = node.server.url.removeprefix("unix://")
    options: dict[str, Any] = {"unix_socket_path": path, "username": USER, "password": PASSWORD}
    if subject.target.is_async:
        asked = _ask_async(subject, quota, redis.asyncio.Redis(**options), now)
        with suppress(TimeoutError):
            asyncio.run(asyncio.wait_for(asked, ASYNC_SECONDS))
        return
    with redis.Redis(**options) as client, _no_sleep(), suppress(Exception):
        limiter: Any = subject.target.factory(client, quota, lambda: now)
        for _ in range(quota.limit + 1):
            with suppress(Exception):
                limiter.acquire(KEY)


async def _ask_async(subject: Subject, quota: Quota, client: Any, now: float) -> None:
    async with client:
        with suppress(Exception):
            limiter: Any = subject.target.factory(client, quota, lambda: now)
            if inspect.isawaitable(limiter):
                limiter = await limiter
            for _ in range(quota.limit + 1):
                with suppress(Exception):
                    await limiter.acquire(KEY)


def _refused(control: redis.Redis) -> str:
    log: Any = control.acl_log()
    for entry in log:
        said = {_text(key): _text(value) for key, value in dict(entry).items()}
        if said.get("reason") == "key" and said.get("context") == "lua":
            return (
                f"a script touches {shown_key(said.get('object', ''))} and does not declare it in "
                "KEYS: a cluster may look for it on another node"
            )
    errors: Any = control.info("errorstats")
    if any("CROSSSLOT" in _text(name) for name in errors):
        return "a node of a cluster refuses it: the keys of one command are in several slots"
    return ""


def _text(value: Any) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


CLUSTER = Experiment("cluster", cluster, _trials, _sum_up, beyond=_on_a_node)
