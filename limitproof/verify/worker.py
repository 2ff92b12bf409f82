"""The child process in which a limiter is examined; it tells its parent by a pipe."""

from __future__ import annotations

import os
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter
from typing import Literal

import redis
from greenlet import GreenletExit

from limiters.contract import Quota
from limiters.registry import TargetError, resolve
from limitproof.decisions import one_line
from limitproof.promises import describe, parse_promise
from limitproof.servers.errors import ServerError, SilentServerError
from limitproof.servers.lifetime import die_with_parent
from limitproof.simulate.refusal import RefusedError
from limitproof.verify.laboratory import Examined, Laboratory, Subject, open_laboratory, unknown
from limitproof.verify.offspring import end_offspring, keep_together
from limitproof.verify.units import UNITS, Unit, examine_unit

LEAST = 1.0  # seconds that are left to a limiter whose import took all


@dataclass(frozen=True, slots=True)
class Brief:
    """Who is to be examined, in words that another process understands.

    target: as on the command line; promise: as `--promise` takes it, None for the limiter's own;
    program: the server's program, None for the embedded one.
    """

    target: str
    quota: Quota
    promise: str | None = None
    seed: int = 0
    max_skew: float = 0.05
    program: Path | None = None


@dataclass(frozen=True, slots=True)
class Started:
    """The process runs and begins to import the limiter."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The server runs; its name and version."""

    meta: dict[str, str]


@dataclass(frozen=True, slots=True)
class Begun:
    """A unit begins (its number), and may take so many seconds."""

    unit: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Done:
    """A unit is done: what it found, by the names of the checks."""

    unit: int
    found: Mapping[str, Examined]


@dataclass(frozen=True, slots=True)
class Failed:
    """Nothing more can be examined here; one line, or the traceback of an internal error.

    kind: whose fault that is; what a limiter has spoilt can go on in another process.
    """

    line: str
    kind: Literal["target", "environment", "limiter", "internal"]


Said = Started | Opened | Begun | Done | Failed


class BrokenConnectionError(Exception):
    """A connection broke whose server is well: by what the limiter does to its own process."""

    def __init__(self, error: ServerError) -> None:
        super().__init__(f"the limiter breaks its connections: {error.what}; the server is well")


def work(
    brief: Brief,
    units: Sequence[int],
    names: Sequence[str],
    seconds: float,
    pipe: Connection,
    parent: int,
) -> None:
    """Examine a limiter with these units, for about `seconds`; the end is the process's end.

    What the limiter prints is thrown away: standard output may be wanted for JSON.
    """
    os.setsid()  # Ctrl-C is the parent's business, and what the limiter forks ends with the group
    die_with_parent(parent)
    keep_together()
    _be_silent()
    end = perf_counter() + seconds
    try:
        pipe.send(Started())
        _work(brief, units, names, end, pipe)
    except TargetError as error:
        pipe.send(Failed(str(error), "target"))
    except SilentServerError as error:
        pipe.send(Failed(f"the limiter hangs: {error.what}", "limiter"))
    except RefusedError as error:
        pipe.send(Failed(f"not simulated: {error}", "limiter"))
    except BrokenConnectionError as error:
        pipe.send(Failed(str(error), "limiter"))
    except ServerError as error:
        pipe.send(Failed(str(error), "environment"))
    except redis.ConnectionError as error:  # of a client of ours; a limiter's is its own answer
        pipe.send(Failed(f"Redis went away: {one_line(error)}; start again", "environment"))
    except Exception:  # noqa: BLE001 - ours, or a limiter's that no check has foreseen
        pipe.send(Failed(traceback.format_exc(), "internal"))
    finally:
        end_offspring()  # the server has ended by now


def _work(
    brief: Brief, units: Sequence[int], names: Sequence[str], end: float, pipe: Connection
) -> None:
    subject = _subject(brief)
    left = max(end - perf_counter(), LEAST)
    with open_laboratory(subject, left, program=brief.program) as laboratory:
        pipe.send(Opened(dict(laboratory.server)))
        for place, number in enumerate(units):
            unit = UNITS[number]
            wanted = [name for name in unit.names if name in names]
            rest = sum(UNITS[one].share for one in units[place:])
            share = max(end - perf_counter(), LEAST) * max(unit.share / rest, unit.least)
            laboratory.allow(share)
            pipe.send(Begun(number, share))
            try:
                pipe.send(Done(number, _examined(laboratory, unit, wanted)))
            except SilentServerError:
                raise
            except ServerError as error:
                if laboratory.server_lives():
                    raise BrokenConnectionError(error) from error
                raise


def _examined(laboratory: Laboratory, unit: Unit, names: Sequence[str]) -> dict[str, Examined]:
    """What a unit finds. Raises ServerError when the server dies."""
    try:
        return dict(examine_unit(unit, laboratory, names))
    except (KeyboardInterrupt, GreenletExit) as error:  # no signal of ours comes here
        why = f"not simulated: the limiter raises {type(error).__name__}"
    except ServerError:
        raise
    except Exception as error:  # noqa: BLE001 - ours, or of a limiter that has spoilt the process
        why = f"the check itself raised {one_line(error)}"
        return {name: _with_traceback(unknown(name, why)) for name in names}
    return {name: unknown(name, why) for name in names}


def _with_traceback(examined: Examined) -> Examined:
    """For whoever is to correct the check: in the file of the verdict, not on the terminal."""
    told = {"traceback": traceback.format_exc()}
    return replace(examined, result=replace(examined.result, measured=told))


def _be_silent() -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)


def _subject(brief: Brief) -> Subject:
    """Raises TargetError when the limiter, or what it promises, is of no use."""
    try:
        target = resolve(brief.target)
    except KeyboardInterrupt as error:
        raise TargetError(f"importing {brief.target} raised KeyboardInterrupt") from error
    promise = parse_promise(brief.promise, brief.quota) if brief.promise else None
    subject = Subject(target, brief.quota, promise, brief.seed, max_skew=brief.max_skew)
    try:
        describe(subject.promised)
    except Exception as error:  # foreign code may do anything
        told = one_line(error)
        raise TargetError(f"the promise of {target.name} is of no use: {told}") from error
    return subject
