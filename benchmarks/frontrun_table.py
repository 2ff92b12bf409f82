"""What two explorers have measured on one limiter, side by side: pure figures and words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import mean
from typing import Any

from limitproof.schedules import Granularity

OURS, DEFAULT = "limitproof", "frontrun, threads"
TARGET = 20.0  # our schedules a second, as a multiple of its
_THREAD = re.compile(r"^ *(?:Thread (\d+) )?\| ")


@dataclass(frozen=True, slots=True)
class Subject:
    """A limiter, so many clients of one request each. granularity: of our complete search;
    frontrun has but one, a pipeline is one step."""

    target: str
    clients: int
    limit: int
    granularity: Granularity = "packet"

    def __str__(self) -> str:
        name = self.target.rpartition(":")[2]
        return f"{name}, {self.clients} clients, limit {self.limit}"


@dataclass(frozen=True, slots=True)
class Row:
    """What one explorer did in the time that each was given.

    rate: schedules a second once it runs, work: a second of processor time, that of Redis too,
    None when too few to say; first: seconds from the start
    of the search to the first violation, from_start: from the start of its process, None when
    there was none; admitted: the distinct ends, as numbers of admitted requests; ended: whether
    it ended by itself and found nothing more to explore; trouble: why it is no search, else "".
    """

    name: str
    rate: float | None
    work: float | None
    first: float | None
    from_start: float | None
    admitted: frozenset[int]
    ended: bool = False
    trouble: str = ""


def certifies(row: Row, every: frozenset[int], limit: int) -> bool:
    """Whether it ended without a violation, although some interleaving has one."""
    return row.ended and row.first is None and not row.trouble and max(every, default=0) > limit


@dataclass(frozen=True, slots=True)
class Ratio:
    """Our schedules over those of an explorer: a second, and a second of processor time."""

    name: str
    clock: float
    processor: float

    def __str__(self) -> str:
        return f"{self.name.removeprefix('frontrun, ')} {self.clock:.1f} ({self.processor:.1f})"


def ratios(theirs: Sequence[Row], around: Sequence[Row]) -> tuple[Ratio, ...]:
    """One for each row that has a rate. around: ours, before each row and after the last."""
    return tuple(
        Ratio(
            row.name,
            mean([one.rate for one in both if one.rate]) / row.rate,
            mean([one.work for one in both if one.work]) / row.work,
        )
        for row, both in zip(theirs, pairwise(around), strict=True)
        if row.rate and row.work and not row.trouble
    )


def table(
    subject: Subject, every: frozenset[int], rows: Sequence[Row], seconds: float
) -> list[str]:
    """One line a row, below a head."""
    head = (
        _columns("", "schedules", "a second", "first violation", "from start", "outcomes"),
        _columns(
            "explorer", "a second", "of work", "from search", "of process", f"in {seconds:g} s"
        ),
    )
    return [str(subject), *head, *(_line(row, every, subject.limit) for row in rows)]


def _line(row: Row, every: frozenset[int], limit: int) -> str:
    if row.trouble:
        return f"  {row.name:26} {row.trouble}"
    rate, work = ("too few" if one is None else f"{one:,.0f}" for one in (row.rate, row.work))
    none = "none" if max(every, default=0) > limit else "-"
    first = none if row.first is None else f"{row.first:.2f} s"
    start = none if row.first is None else "-"
    if row.from_start is not None:
        start = f"{row.from_start:.2f} s"
    said = "  says pass" if certifies(row, every, limit) else ""
    if row.ended and not said:
        said = "  and ends: all explored"
    found = f"{len(row.admitted & every)} of {len(every)}"
    return _columns(row.name, rate, work, first, start, found) + said


def _columns(name: str, *figures: str) -> str:
    return f"  {name:26}" + "".join(f"{one:>16}" for one in figures)


def clients_printed(printed: str | Sequence[Sequence[Any]]) -> list[int]:
    """The client of each Redis command, in the order in which frontrun prints them.

    From the text of a search in threads ("Thread 1 | limiter.py:10 ..." and below it "| [read
    redis:...]"), or from the accesses of one in processes: (client, resource, access), of which
    each command has exactly one to the resource of the whole server.
    """
    if not isinstance(printed, str):
        return [int(one[0]) for one in printed if one[1].startswith("redis:server-keyspace:")]
    found: list[int] = []
    thread = -1
    for line in printed.splitlines():
        if (begun := _THREAD.match(line)) is None:
            continue
        if begun[1] is not None:
            thread = int(begun[1])
        elif "redis:" in line and " | [" in line:
            found.append(thread)
    return found


@dataclass(frozen=True, slots=True)
class Tally:
    """Explorations of a racy limiter by one configuration: how many there were, how many of them
    said pass, how many printed a counterexample, and how many of these in the server's order."""

    name: str
    explored: int
    passed: int
    printed: int
    in_order: int

    def __str__(self) -> str:
        return (
            f"  {self.name:26} says pass {self.passed} times of {self.explored}; prints the "
            f"server's order {self.in_order} times of {self.printed}"
        )


def tally(name: str, verdicts: Sequence[Any]) -> Tally:
    """Count what benchmarks.frontrun_inside told of each exploration."""
    failed = [one for one in verdicts if one["holds"] is False and one["printed"]]
    in_order = sum(clients_printed(one["printed"]) == one["server"] for one in failed)
    # a pass of a search that we cut short is no word of frontrun's
    passed = sum(one["holds"] is True and one["ended"] for one in verdicts)
    return Tally(name, len(verdicts), passed, len(failed), in_order)
