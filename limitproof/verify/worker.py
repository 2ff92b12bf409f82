"""The child process in which a limiter is examined; it tells its parent by a pipe."""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Literal

from limiters.contract import Quota
from limiters.registry import TargetError, resolve
from limitproof.check.verdict import CheckResult, Verdict
from limitproof.promises import describe, parse_promise
from limitproof.servers.errors import ServerError
from limitproof.servers.lifetime import die_with_parent
from limitproof.simulate.refusal import LocalStateError, RefusedError
from limitproof.verify.apart import examine_apart
from limitproof.verify.laboratory import Examined, Subject, open_laboratory
from limitproof.verify.units import UNITS


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
    """Nothing more can be examined; one line, or the traceback of an internal error."""

    line: str
    kind: Literal["target", "environment", "internal"]


Said = Opened | Begun | Done | Failed


def work(
    brief: Brief,
    units: Sequence[int],
    names: Sequence[str],
    seconds: float,
    pipe: Connection,
    parent: int,
) -> None:
    """Examine a limiter with these units, for about `seconds`; the end is the process's end."""
    os.setsid()  # Ctrl-C is the parent's business, and what the limiter forks ends with the group
    die_with_parent(parent)
    try:
        _work(brief, units, names, seconds, pipe)
    except TargetError as error:
        pipe.send(Failed(str(error), "target"))
    except ServerError as error:
        pipe.send(Failed(str(error), "environment"))
    except Exception:  # noqa: BLE001 - ours, or a limiter's that no check has foreseen
        pipe.send(Failed(traceback.format_exc(), "internal"))


def _work(
    brief: Brief, units: Sequence[int], names: Sequence[str], seconds: float, pipe: Connection
) -> None:
    subject = _subject(brief)
    end = time.perf_counter() + seconds
    with open_laboratory(subject, seconds, program=brief.program) as laboratory:
        pipe.send(Opened(dict(laboratory.server)))
        for place, number in enumerate(units):
            unit = UNITS[number]
            wanted = [name for name in unit.names if name in names]
            rest = sum(UNITS[one].share for one in units[place:])
            share = max(end - time.perf_counter(), 0.1) * unit.share / rest
            laboratory.allow(share)
            pipe.send(Begun(number, share))
            try:
                found = dict(unit.examine(laboratory, wanted))
            except LocalStateError:
                found = examine_apart(subject, wanted, brief.program)
            except RefusedError as refusal:
                why = f"not simulated: {refusal}"
                found = {
                    name: Examined(CheckResult(name, Verdict.UNKNOWN, why, complete=False))
                    for name in wanted
                }
            pipe.send(Done(number, found))


def _subject(brief: Brief) -> Subject:
    """Raises TargetError when the limiter, or what it promises, is of no use."""
    target = resolve(brief.target)
    promise = parse_promise(brief.promise, brief.quota) if brief.promise else None
    subject = Subject(target, brief.quota, promise, brief.seed, max_skew=brief.max_skew)
    try:
        describe(subject.promised)
    except Exception as error:  # foreign code may do anything
        told = f"{type(error).__name__}: {error}"
        raise TargetError(f"the promise of {target.name} is of no use: {told}") from error
    return subject
