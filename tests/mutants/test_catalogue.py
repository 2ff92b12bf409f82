"""Mutants are many, always the same, each a change of its own, and explained where they live on."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import redis

from limiters.registry import entry, resolve
from tests.mutants import lua, python, tailored
from tests.mutants.catalogue import SCRIPTS, equivalent, gaps, mutants
from tests.mutants.document import DOCUMENT
from tests.mutants.hunt import ROOT
from tests.mutants.mutant import Edit, Mutant, neighbours, source

SCRIPT = """
local count = redis.call('GET', KEYS[1])
redis.call('INCR', KEYS[1])
if count < 5 then -- five
  for i = 1, 2 do
    redis.call('DEL', 'x<y')
  end
end
return {1, count}
"""


def by_id(name: str) -> Mutant:
    (found,) = (one for one in mutants() if one.id == name)
    return found


def test_more_than_enough() -> None:
    alive = [one for one in mutants() if one.id not in equivalent()]
    assert len(alive) > 200
    each = Counter(one.limiter for one in mutants())
    assert set(each) == {
        *("lua_atomic", "lua_atomic_client_clock", "fixed_window", "gcra", "token_bucket"),
        *("list_window", "watch_multi"),
    }
    assert min(each.values()) >= 3


def test_only_mutants_of_what_is_right() -> None:
    for limiter in {one.limiter for one in mutants()}:
        assert set(entry(limiter).fails.values()) <= {"fault"}


def test_ids_are_unique_and_tell_the_change() -> None:
    ids = [one.id for one in mutants()]
    assert len(ids) == len(set(ids))
    for one in mutants():
        assert one.id.startswith(f"{one.file}: ")
        assert "\n" not in one.id
        assert one.text != one.original
        assert "+" in one.diff or "-" in one.diff


def test_another_process_makes_the_same() -> None:
    code = "from tests.mutants.catalogue import mutants; print([m.id for m in mutants()])"
    ended = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=ROOT,
    )
    assert ended.stdout.strip() == str([one.id for one in mutants()])


def test_every_explanation_is_of_a_mutant() -> None:
    ids = {one.id for one in mutants()}
    assert sorted(name for name in equivalent() if name not in ids) == []
    assert all(len(reason) > 20 for reason in equivalent().values())
    assert gaps() < equivalent().keys()


def test_what_a_reason_names_is_there() -> None:
    named = {
        word for reason in equivalent().values() for word in re.findall(r"tests/\S+\.py", reason)
    }
    assert named
    assert [one for one in sorted(named) if not (ROOT / one).is_file()] == []


def test_the_document_is_of_these_mutants() -> None:
    """And of a whole run: every mutant is counted, every explanation told."""
    text = DOCUMENT.read_text(encoding="utf-8")
    (total,) = (line for line in text.splitlines() if line.startswith("| all |"))
    killed, explained, stillborn = (int(cell) for cell in total.split("|")[2:-1])
    assert killed + explained + stillborn == len(mutants())
    assert explained == len(equivalent())
    assert killed > 200
    same, within = text.split("\n## ")[1:]
    for name, reason in equivalent().items():
        assert f"- ``{name}``: {reason}\n" in (within if name in gaps() else same)


@pytest.mark.parametrize("file", SCRIPTS)
def test_every_script_still_compiles(client: redis.Redis, file: str) -> None:
    for one in mutants():
        if one.file == file:
            client.script_load(one.text)


@pytest.mark.parametrize(
    "name",
    [
        "lua_atomic.lua: drop redis.call('ZREMRANGEBYSCORE', key, '-inf', digits(now - window))",
        "lua_atomic.lua: change if count + cost > limit then » if count + cost >= limit then",
        "lua_atomic.lua: drop if redis.call('ZSCORE', key, '0:' .. nonce) then …",
        "lua_atomic.lua: write local key = KEYS[1] » local key = 'log'",
        "lua_atomic.lua: write local nonce = ARGV[5] » local nonce = ''",
        "watch_multi.py: drop pipe.watch(key) » pass",
        "token_bucket.lua: write at = math.max(now, tonumber(stored[2])) » at = now",
    ],
)
def test_the_well_known_ones_are_there(name: str) -> None:
    assert by_id(name).line > 1


def test_statements_are_whole() -> None:
    found = [SCRIPT[one.start : one.end] for one in lua.statements(SCRIPT)]
    lines = SCRIPT.splitlines(keepends=True)
    assert found == [
        lines[1],
        lines[2],
        "".join(lines[3:8]),
        "".join(lines[4:7]),
        lines[5],
        lines[8],
    ]


def test_changes_of_a_script() -> None:
    made = [edit.shown(SCRIPT) for edit in lua.edits(SCRIPT)]
    assert made == [
        "drop redis.call('INCR', KEYS[1])",
        "drop if count < 5 then -- five …",
        "drop for i = 1, 2 do …",
        "drop redis.call('DEL', 'x<y')",
        "drop return {1, count}",
        "swap local count = redis.call('GET', KEYS[1]) … » redis.call('INCR', KEYS[1]) …",
        "swap redis.call('INCR', KEYS[1]) … » if count < 5 then -- five …",
        "change if count < 5 then -- five » if count <= 5 then -- five",
        *(f"change if count < 5 then -- five » if count < {n} then -- five" for n in (0, 4, 6)),
        *(f"change for i = 1, 2 do » for i = {n}, 2 do" for n in (0, 2)),
        *(f"change for i = 1, 2 do » for i = 1, {n} do" for n in (0, 1, 3)),
        *(f"change return {{1, count}} » return {{{n}, count}}" for n in (0, 2)),
    ]


def test_changes_of_a_class() -> None:
    text = (
        "class A:\n"
        "    def f(self, x):\n"
        '        """1 < 2"""\n'
        "        self.g()\n"
        "        self.h()\n"
        "        return max(x, 3) if not x else 'ä' and x <= 2\n"
        "class B:\n"
        "    def f(self): return 1\n"
    )
    made = {edit.apply(text).splitlines()[5].strip() for edit in python.edits(text, "A")}
    assert made == {
        "return max(x, 3) if not x else 'ä' and x <= 2",  # a statement above is changed
        "return min(x, 3) if not x else 'ä' and x <= 2",
        "return max(x, 3) if x else 'ä' and x <= 2",
        "return max(x, 3) if not x else ('ä' or x <= 2)",
        "return max(x, 3) if not x else 'ä' and x < 2",
        *(f"return max(x, {n}) if not x else 'ä' and x <= 2" for n in (0, 2, 4)),
        *(f"return max(x, 3) if not x else 'ä' and x <= {n}" for n in (0, 1, 3)),
    }
    whole = [edit.shown(text) for edit in python.edits(text, "A")]
    assert whole[:2] == ["drop self.g() » pass", "drop self.h() » pass"]
    assert "swap self.g() … » self.h() …" in whole
    with pytest.raises(LookupError, match="no class is named 'C'"):
        python.extent(text, "C")


def test_neighbours() -> None:
    assert neighbours(0) == [-1, 1]
    assert neighbours(1) == [0, 2]
    assert neighbours(5) == [0, 4, 6]
    assert neighbours(1000) == [999, 1001]


def test_words_that_are_gone_are_an_error() -> None:
    with pytest.raises(ValueError, match=r"gcra.lua has 0 times .*, not once"):
        list(tailored.edits("gcra.lua", "return 1"))


def test_an_edit_shows_its_line() -> None:
    text = "a = 1\nb = 2\nc = 3\n"
    assert Edit("change", 10, 11, "4").shown(text) == "change b = 2 » b = 4"
    assert Edit("drop", 6, 12, "").shown(text) == "drop b = 2"


@pytest.mark.parametrize("file", ["gcra.lua", "gcra.py"])
def test_a_mutant_is_a_target(tmp_path: Path, file: str) -> None:
    mutant = next(one for one in mutants() if one.file == file)
    target = resolve(mutant.write(tmp_path, "m"))
    assert target.spec == f"{tmp_path}/m.py:factory"
    assert mutant.id in (tmp_path / "m.py").read_text()
    assert (tmp_path / "m.lua").exists() is file.endswith(".lua")
    assert source(file) == mutant.original
