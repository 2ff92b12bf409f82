"""All mutants, always the same ones in the same order, and those that change nothing."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from tests.mutants import lua, python, tailored
from tests.mutants.mutant import Edit, Mutant, source

SCRIPTS = {
    "lua_atomic.lua": "lua_atomic",
    "gcra.lua": "gcra",
    "token_bucket.lua": "token_bucket",
    "list_window.lua": "list_window",
}
CLASSES = (
    ("lua_atomic.py", "LuaAtomic", "lua_atomic"),
    ("lua_atomic.py", "LuaAtomicClientClock", "lua_atomic_client_clock"),
    ("fixed_window.py", "FixedWindow", "fixed_window"),
    ("gcra.py", "Gcra", "gcra"),
    ("token_bucket.py", "TokenBucket", "token_bucket"),
    ("list_window.py", "ListWindow", "list_window"),
    ("watch_multi.py", "WatchMulti", "watch_multi"),
)
EQUIVALENT = Path(__file__).with_name("equivalent.toml")


@cache
def mutants() -> tuple[Mutant, ...]:
    """Every mutant of the correct limiters; ids are unique."""
    found: dict[str, Mutant] = {}
    for mutant in _all():
        number, name = 1, mutant.id
        while name in found:
            number += 1
            name = f"{mutant.id} #{number}"
        found[name] = Mutant(name, mutant.limiter, mutant.file, mutant.text)
    return tuple(found.values())


@cache
def equivalent() -> dict[str, str]:
    """The ids of mutants that nothing should kill, with the reason: those of `gaps` as well."""
    told = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8"))
    return {**told["equivalent"], **told["gap"]}


@cache
def gaps() -> frozenset[str]:
    """The ids of those that break a promise, where no check goes or by less than it holds."""
    return frozenset(tomllib.loads(EQUIVALENT.read_text(encoding="utf-8"))["gap"])


def _all() -> Iterator[Mutant]:
    for file, limiter in SCRIPTS.items():
        text = source(file)
        yield from _of(file, limiter, text, [*lua.edits(text), *tailored.edits(file, text)])
    for file, name, limiter in CLASSES:
        text = source(file)
        start, end = python.extent(text, name)
        written = (edit for edit in tailored.edits(file, text) if start <= edit.start < end)
        yield from _of(file, limiter, text, [*python.edits(text, name), *written])


def _of(file: str, limiter: str, text: str, edits: Iterable[Edit]) -> Iterator[Mutant]:
    seen = {text}
    for edit in edits:
        changed = edit.apply(text)
        if changed not in seen and (file.endswith(".lua") or _compiles(changed)):
            seen.add(changed)
            yield Mutant(f"{file}: {edit.shown(text)}", limiter, file, changed)


def _compiles(text: str) -> bool:
    try:
        compile(text, "mutant", "exec")
    except SyntaxError:
        return False
    return True
