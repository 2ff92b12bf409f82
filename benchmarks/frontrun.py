"""frontrun 0.7.0, the nearest explorer there is, beside ours: `python -m benchmarks.frontrun`.

The same limiters, unmodified; the same redis-py on the same Redis, in the same run; the same time
for each. frontrun is installed in an environment of its own and told to search in several ways, of
which the fastest counts. Its clock is virtual for the client only and cannot reach the server, so
that its server's time is real and nothing that needs an expiry is compared.
Source: the README and the sources of frontrun 0.7.0, PyPI.

A rate is told a second, and a second of work: of processor time, that of Redis too, which does not
depend on what else the machine does. Exit code 1 when that is below 20 times its, in whatever way
it searches, or when frontrun is not there to be measured.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace

from benchmarks.frontrun_env import Environment, NotInstalledError, environment
from benchmarks.frontrun_inside import CONFIGURATIONS
from benchmarks.frontrun_ours import Walker, Whole, complete, order, systematic
from benchmarks.frontrun_table import DEFAULT, OURS, TARGET, Row, Subject, ratios, table, tally
from limitproof.servers.handle import Server
from limitproof.servers.server import open_server

SECONDS = 2.0  # of each search
STARTING = 1.0  # seconds more for a search that starts a process a client
SLICE = SECONDS / (len(CONFIGURATIONS) + 1)  # of ours before each of its searches, and at the end
ROUNDS = 5  # explorations of one racy limiter, for verdict and printed order
VERDICT_SECONDS = 15.0  # for each of these, which end by themselves long before
ORDERED_RUNS = 100  # of ours, compared with the server's log
COUNT_THEN_ADD = "benchmarks.count_then_add:CountThenAdd"
SUBJECTS = (
    Subject("limiters.get_set_json:GetSetJson", 4, 1),
    Subject(COUNT_THEN_ADD, 4, 2),
    Subject("limiters.pipeline:Pipeline", 3, 1, "command"),
    Subject("limiters.lua_atomic:LuaAtomic", 4, 2),
)
PAIRS = (Subject(COUNT_THEN_ADD, 2, 1), Subject("limiters.get_set_json:GetSetJson", 2, 1))


def main() -> int:
    """Measure, print the tables, and give the exit code."""
    trouble = ""
    try:
        theirs: Environment | None = environment()
    except NotInstalledError as error:
        theirs, trouble = None, f"frontrun: not installed: {error}"
        print(trouble)
    with open_server("spawn", os.environ) as server, server.client() as control:
        control.config_set("slowlog-max-len", 10_000)
        below = [line for one in SUBJECTS for line in _compare(one, server, theirs)]
        control.config_set("slowlog-log-slower-than", 0)
        for pair in PAIRS:
            _orders(pair, server, theirs)
    print("\n".join(below))
    return 1 if trouble or below else 0


def _compare(subject: Subject, server: Server, theirs: Environment | None) -> list[str]:
    """Print a table; what of it misses the target or could not be measured."""
    whole = complete(subject)
    # The same steps as frontrun's, in turns with it, so that a drift of the machine is nobody's.
    steps = replace(subject, granularity="packet")
    alike, afresh = Walker(steps), Walker(steps, afresh=True)
    rows = []
    for name in CONFIGURATIONS if theirs is not None else ():
        alike.walk(SLICE)
        assert theirs is not None
        rows.append(_search(name, subject, server, theirs))
    alike.walk(SLICE)
    afresh.walk(SECONDS)
    ours = [alike, afresh]
    if subject.granularity == "command":
        ours.append(Walker(subject))
        ours[-1].walk(SECONDS)
    told = [*rows, *(one.row() for one in ours), systematic(subject, SECONDS)]
    print("\n".join(table(subject, whole.admitted, told, SECONDS)))
    print(f"  {'limitproof, complete':26} {_stands(whole)}")
    found = ratios(rows, alike.walks)
    if found:
        print(f"  ours / its, a second (a second of work): {', '.join(map(str, found))}")
    print(flush=True)
    said = [f"{row.name}: {subject}: {row.trouble}" for row in rows if row.trouble]
    worst = min(found, key=lambda one: one.processor, default=None)
    if worst is not None and worst.processor < TARGET:
        said.append(
            f"frontrun: {subject}: {worst.processor:.1f} times as many a second of work as "
            f"{worst.name}, target >= {TARGET:g} MISSED"
        )
    return said


def _stands(whole: Whole) -> str:
    if whole.doubt:
        return f"not complete: {whole.doubt}"
    a_second = whole.schedules / whole.seconds
    return (
        f"all {whole.schedules:,} schedules in {whole.seconds:.2f} s, start of Redis included: "
        f"stands for {a_second:,.0f} a second"
    )


def _search(name: str, subject: Subject, server: Server, theirs: Environment) -> Row:
    shown = f"frontrun, {name}"
    try:
        said, begun = theirs.run(_told("search", name, subject, server), preload=shown == DEFAULT)
    except RuntimeError as error:
        return Row(shown, None, None, None, None, frozenset(), trouble=str(error))
    at = said["first_at"]
    return Row(
        shown, said["rate"], said["work"], said["first"], None if at is None else at - begun,
        frozenset(said["admitted"]), said["ended"], said["trouble"],
    )  # fmt: skip


def _orders(pair: Subject, server: Server, theirs: Environment | None) -> None:
    print(f"verdict and printed order: {pair}, explored {ROUNDS} times up to the first violation")
    for name in CONFIGURATIONS if theirs is not None else ():
        if name == "random":
            continue  # it explains nothing
        assert theirs is not None
        told = _told("verdicts", name, pair, server) | {
            "rounds": ROUNDS,
            "seconds": VERDICT_SECONDS,
        }
        try:
            said, _ = theirs.run(told, preload=f"frontrun, {name}" == DEFAULT)
            print(tally(f"frontrun, {name}", said))
        except RuntimeError as error:
            print(f"  frontrun, {name}: {error}")
    same, runs = order(pair, ORDERED_RUNS)
    print(f"  {OURS:26} prints the server's order {same} times of {runs}", end="\n\n", flush=True)


def _told(measure: str, name: str, subject: Subject, server: Server) -> dict[str, object]:
    return {
        "measure": measure, "url": server.url, "target": subject.target,
        "clients": subject.clients, "limit": subject.limit, "configuration": name,
        "seconds": SECONDS + STARTING * (name == "processes"),
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
