"""The comparison with frontrun, without frontrun: its pure parts, and our half of it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import frontrun, frontrun_env
from benchmarks.frontrun_env import Environment, NotInstalledError, environment, last_line
from benchmarks.frontrun_inside import Watch
from benchmarks.frontrun_ours import Walker, complete, order, systematic
from benchmarks.frontrun_table import (
    Row,
    Subject,
    certifies,
    clients_printed,
    ratios,
    table,
    tally,
)
from limitproof.schedules import Run
from limitproof.simulate.trace import Choose
from limitproof.simulate.world import World

SUBJECT = Subject("limiters.get_set_json:GetSetJson", 2, 1)
ROW = Row("frontrun, threads", 50.0, 40.0, 0.25, 0.5, frozenset({1, 2}))
# What frontrun 0.7.0 printed of a run whose commands the server ran as 0, 1, 1, 0: as it stands
# here nobody could be admitted too many.
PRINTED = """Race condition found after 2 interleavings.

  Write-write conflict: threads 0 and 1 both wrote to redis:k:db=redis:unix:/x/redis.sock:0/0.


  Thread 0 | get_set_json.py:21        stored = self.client.get(key)
           | [read redis:k:db=redis:unix:/x/redis.sock:0/0]
           | Called from GetSetJson.acquire <- Client.ask
  Thread 0 | base.py:101               return client.execute_command(*words)
           | [write redis:k:db=redis:unix:/x/redis.sock:0/0]
           | Called from send <- GetSetJson.acquire <- Client.ask
  Thread 1 | get_set_json.py:21        stored = self.client.get(key)
           | [read redis:k:db=redis:unix:/x/redis.sock:0/0]
           | Called from GetSetJson.acquire <- Client.ask
  Thread 1 | base.py:101               return client.execute_command(*words)
           | [write redis:k:db=redis:unix:/x/redis.sock:0/0]
           | Called from send <- GetSetJson.acquire <- Client.ask
  Thread 1 | frontrun_inside.py:67     self.allowed = self._limiter.acquire(KEY).allowed
           | [write Client.allowed]

"""
ACCESSES = [
    [client, f"redis:{what}:x", access]
    for client, access in ((0, "read"), (1, "read"), (1, "write"), (0, "write"))
    for what in ("k", "keyspace", "server-keyspace")
]


def test_the_order_that_frontrun_prints_is_read_command_by_command() -> None:
    assert clients_printed(PRINTED) == [0, 0, 1, 1]
    assert clients_printed(ACCESSES) == [0, 1, 1, 0]


def test_verdicts_and_orders_are_counted_apart() -> None:
    told = tally(
        "x",
        [
            {"holds": False, "printed": PRINTED, "server": [0, 1, 1, 0]},
            {"holds": False, "printed": ACCESSES, "server": [0, 1, 1, 0]},
            {"holds": True, "printed": None, "server": [0, 0, 1], "ended": True},
            {"holds": True, "printed": None, "server": [0, 0, 1], "ended": False},
            {"holds": None, "printed": "too slow", "server": []},
        ],
    )
    assert (told.explored, told.passed, told.printed, told.in_order) == (5, 1, 2, 1)
    assert str(told).endswith("says pass 1 times of 5; prints the server's order 1 times of 2")


@pytest.mark.parametrize(
    ("row", "every", "is_pass"),
    [
        (replace(ROW, first=None, ended=True), {1, 2}, True),
        (replace(ROW, first=None, ended=True), {1}, False),  # nothing to find
        (replace(ROW, first=None, ended=False), {1, 2}, False),  # it went on to the end
        (replace(ROW, first=None, ended=True, trouble="hangs"), {1, 2}, False),
        (replace(ROW, ended=True), {1, 2}, False),
    ],
)
def test_a_search_that_ends_without_the_violation_there_is_says_pass(
    row: Row, every: set[int], is_pass: bool
) -> None:
    assert certifies(row, frozenset(every), 1) is is_pass


def test_a_ratio_is_taken_against_what_was_measured_before_and_after() -> None:
    ours = [Row("ours", rate, 2 * rate, None, None, frozenset()) for rate in (100.0, 300.0, 500.0)]
    rows = [ROW, Row("broken", None, None, None, None, frozenset(), trouble="hangs")]
    (told,) = ratios(rows, ours)
    assert (told.name, told.clock, told.processor) == ("frontrun, threads", 4.0, 10.0)
    assert str(told) == "threads 4.0 (10.0)"


def test_the_table_shows_what_was_found_out_of_all() -> None:
    every = frozenset({1, 2})
    rows = [
        ROW,
        Row("blind", None, None, None, None, frozenset({1}), ended=True),
        Row("broken", None, None, None, None, frozenset(), trouble="hangs"),
    ]
    lines = [line.split() for line in table(SUBJECT, every, rows, 2.0)]
    assert lines[0] == ["GetSetJson,", "2", "clients,", "limit", "1"]
    assert lines[3][2:] == ["50", "40", "0.25", "s", "0.50", "s", "2", "of", "2"]
    assert lines[4][1:] == [
        "too",
        "few",
        "too",
        "few",
        "none",
        "none",
        "1",
        "of",
        "2",
        "says",
        "pass",
    ]
    assert lines[5] == ["broken", "hangs"]
    assert "-" in table(SUBJECT, frozenset({1}), [rows[1]], 2.0)[-1]


def test_frontruns_own_start_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, work, served = [0.0], [0.0], [7.0]
    monkeypatch.setattr("time.perf_counter", lambda: clock[0])
    monkeypatch.setattr("time.process_time", lambda: work[0])
    watch = Watch({"limit": 1, "configuration": "threads"}, lambda: served[0], lambda: 0.0)
    assert watch.rates() == (None, None)
    clock[0], work[0] = 100.0, 50.0
    answers = []
    for admitted in (1, 1, 2, 1, 1):
        answers.append(watch.holds(admitted))
        clock[0], work[0], served[0] = clock[0] + 1, work[0] + 1.5, served[0] + 0.5
    assert answers == [True, True, False, True, True]
    assert watch.first == 102.0
    assert watch.rates() == (1.0, 4 / (4 * 1.5 + 5 * 0.5))


def test_what_runs_beside_frontrun_imports_nothing_of_ours_but_limiters() -> None:
    asked = (
        "import sys, benchmarks.frontrun_inside, benchmarks.count_then_add; "
        "print([name for name in sys.modules if name.startswith('limitproof')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=True,
        cwd=frontrun_env.ROOT,
    )  # fmt: skip
    assert done.stdout.strip() == "[]"


def _fake(folder: Path, script: str) -> Environment:
    program = folder / "python"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    return Environment(program)


def test_the_answer_is_the_last_line(tmp_path: Path) -> None:
    said, begun = _fake(tmp_path, "echo noise; echo '{\"a\": 1}'").run(
        {"seconds": 1.0}, preload=False
    )
    assert said == {"a": 1}
    assert begun > 0


def test_what_breaks_says_why_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"frontrun broke: the reason$"):
        _fake(tmp_path, "echo first >&2; echo the reason >&2; exit 1").run(
            {"seconds": 1.0}, preload=False
        )


def test_what_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frontrun_env, "PATIENCE", 0.1)
    with pytest.raises(RuntimeError, match=r"hangs: no answer within 0\.1 s"):
        _fake(tmp_path, "exec sleep 60").run({"seconds": 0.0}, preload=False)


def test_an_environment_that_cannot_be_made_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(NotInstalledError, match="/nowhere/python"):
        environment(tmp_path / "env")
    assert (tmp_path / "env" / ".gitignore").read_text(encoding="utf-8") == "*\n"


def test_of_a_programs_words_the_last_are_told() -> None:
    assert last_line("a\nb \n\n") == "b"
    assert last_line("") == "it said nothing"


def test_our_half_finds_all_ends_one_by_one_and_completely() -> None:
    walker = Walker(replace(SUBJECT, clients=3))
    walker.walk(0.3)
    (walk,) = walker.walks
    assert walk.admitted == complete(replace(SUBJECT, clients=3)).admitted == {1, 2, 3}
    assert walk.first is not None
    assert walk.rate is not None
    assert walk.work is not None
    search = systematic(replace(SUBJECT, clients=3), 30.0)
    assert search.ended
    assert search.admitted == walk.admitted
    assert search.first is not None


def test_our_steps_are_in_the_order_of_the_servers_log() -> None:
    assert order(SUBJECT, 5) == (5, 5)


def test_another_order_than_the_servers_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    right = World.run

    def wrong(world: World, choose: Choose) -> Run:
        run = right(world, choose)
        return replace(run, steps=(*run.steps[1:], run.steps[0]))

    monkeypatch.setattr(World, "run", wrong)
    same, runs = order(SUBJECT, 8)
    assert same < runs


def test_without_frontrun_ours_is_told_alone_and_the_exit_code_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing() -> Environment:
        raise NotInstalledError("no such package")

    monkeypatch.setattr(frontrun, "environment", missing)
    monkeypatch.setattr(frontrun, "SUBJECTS", (Subject("limiters.lua_atomic:LuaAtomic", 2, 1),))
    monkeypatch.setattr(frontrun, "PAIRS", (SUBJECT,))
    monkeypatch.setattr(frontrun, "SLICE", 0.05)
    monkeypatch.setattr(frontrun, "SECONDS", 0.05)
    assert frontrun.main() == 1
    said = capsys.readouterr().out
    assert "frontrun: not installed: no such package" in said
    assert "limitproof, by packet" in said
    assert f"order {frontrun.ORDERED_RUNS} times of {frontrun.ORDERED_RUNS}" in said
