"""The layers of the house, read off its imports: limiters, scenarios, checks, engines, reports."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HOUSE = ("limiters", "limitproof", "locustfiles", "scenarios")
RUNS_ON_IMPORT = "limitproof.__main__"


@cache
def modules() -> dict[str, Path]:
    """Every module of the house by its dotted name."""
    found = {}
    for package in HOUSE:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(modules()[module].read_text(encoding="utf-8"))


@cache
def imports(module: str) -> frozenset[str]:
    """Modules that a module imports, anywhere in it; `from a import b` is a.b where that is one."""
    found = set()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} has a relative import"
            assert node.module is not None
            for alias in node.names:
                below = f"{node.module}.{alias.name}"
                found.add(below if below in modules() else node.module)
    return frozenset(found)


def reached(module: str) -> frozenset[str]:
    """All modules that come along when a module is imported, as far as they are of the house."""
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in seen or name not in modules():
            continue
        seen.add(name)
        waiting += imports(name)
        parent = name.rpartition(".")[0]
        waiting += [parent] if parent else []
    return frozenset(seen)


def within(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def of(package: str) -> list[str]:
    return [module for module in modules() if within(module, package)]


def breaches(package: str, *forbidden: str, far: bool = True) -> dict[str, list[str]]:
    """Who in a package imports what it must not, also through others of the house when `far`."""
    found = {}
    for module in of(package):
        seen = imports(module) | (reached(module) if far else frozenset())
        if wrong := sorted(name for name in seen if within(name, *forbidden)):
            found[module] = wrong
    return found


def test_imports_are_seen() -> None:
    """Without this the tests below could pass on nothing."""
    assert len(modules()) > 80
    assert within("locust.runners", "locust")
    assert "locust.runners" in imports("locustfiles.rendezvous")
    assert "limitproof.traffic" in imports("limitproof.load.plan")  # from limitproof import traffic
    assert "scenarios.model" in reached("limitproof.load.engine")
    assert breaches("limitproof.cli", "limitproof.load")


def test_limiters_know_nothing_of_the_instrument() -> None:
    assert not breaches("limiters", "limitproof", "scenarios", "locustfiles", "tests")


def test_scenarios_know_nothing_but_the_contract() -> None:
    assert not breaches("scenarios", "limitproof", "locustfiles", "redis", "tests")
    known = {name for module in of("scenarios") for name in imports(module)}
    assert {name for name in known if within(name, "limiters")} <= {"limiters.contract"}


def test_checks_know_no_engine() -> None:
    assert not breaches(
        "limitproof.check",
        "limitproof.load", "limitproof.servers", "limitproof.simulate", "limitproof.report",
        "limitproof.cli", "limitproof.suite", "locustfiles", "locust", "tests",
    )  # fmt: skip
    assert not breaches("limitproof.check", "redis", far=False)


def test_histories_know_neither_checks_nor_engines() -> None:
    assert not breaches(
        "limitproof.history",
        "limitproof.check", "limitproof.load", "limitproof.servers", "limitproof.simulate",
        "limitproof.report", "limitproof.cli", "locustfiles", "redis",
    )  # fmt: skip


def test_reports_know_no_engine() -> None:
    assert not breaches(
        "limitproof.report",
        "limitproof.load", "limitproof.servers", "limitproof.simulate", "limitproof.suite",
        "limitproof.cli", "locustfiles", "locust", "tests",
    )  # fmt: skip
    assert not breaches("limitproof.report", "redis", far=False)


def test_engines_do_not_judge_or_report() -> None:
    assert not breaches(
        "limitproof.load", "limitproof.check", "limitproof.report", "limitproof.cli"
    )


def test_the_simulation_judges_but_knows_no_load_and_no_report() -> None:
    assert breaches("limitproof.simulate", "limitproof.servers", "limitproof.history")
    assert not breaches(
        "limitproof.simulate",
        "limitproof.load", "limitproof.report", "limitproof.cli", "limitproof.suite", "scenarios",
        "locustfiles", "locust", "tests",
    )  # fmt: skip


def test_a_search_does_not_know_who_asks_for_it() -> None:
    search = "limitproof.simulate.search"
    assert breaches(search, "limitproof.simulate.world")
    asking = ("explore", "replay", "because")
    assert not breaches(search, *(f"limitproof.simulate.{name}" for name in asking))


def test_servers_stand_alone() -> None:
    """They share nothing with the rest but the word `unknown`, which the doctor says."""
    apart = {name for name in of("limitproof") if not within(name, "limitproof.servers")}
    apart -= {"limitproof", "limitproof.check", "limitproof.check.verdict"}
    found = {name for module in of("limitproof.servers") for name in reached(module)}
    assert not found & apart
    assert not breaches("limitproof.servers", "limiters", "scenarios", "locustfiles", "tests")


def test_only_locustfiles_import_locust() -> None:
    assert breaches("locustfiles", "locust", far=False)
    for package in set(HOUSE) - {"locustfiles"}:
        assert not breaches(package, "locust", "gevent", "locustfiles")


def test_nothing_of_the_house_imports_tests_or_tools() -> None:
    for package in HOUSE:
        assert not breaches(package, "tests", "benchmarks", far=False)
    assert set(breaches("limitproof", "pytest", far=False)) == {
        "limitproof.pytest_judge", "limitproof.pytest_plugin", "limitproof.target_tests",
    }  # fmt: skip
    assert set(breaches("limitproof", "hypothesis", far=False)) == {
        "limitproof.verify.searches.rules"
    }


def test_the_pytest_plugin_starts_no_load() -> None:
    assert breaches("limitproof.pytest_judge", "limitproof.verify")
    for module in ("limitproof.pytest_judge", "limitproof.pytest_plugin"):
        assert not breaches(module, "locust", "gevent", "limitproof.load")


@pytest.mark.parametrize("package", HOUSE)
def test_no_module_changes_a_global(package: str) -> None:
    guilty = [
        module
        for module in of(package)
        if any(isinstance(node, ast.Global) for node in ast.walk(tree(module)))
    ]
    assert not guilty


CHANGING = {"add", "append", "clear", "extend", "insert", "pop", "popleft", "setdefault", "update"}


def stores(module: str) -> Iterator[str]:
    """Names of a module's own level whose value is changed in place somewhere in it."""
    names = set()
    for node in tree(module).body:
        if isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    for each in ast.walk(tree(module)):
        written = isinstance(each, ast.Subscript) and not isinstance(each.ctx, ast.Load)
        changed = isinstance(each, ast.Attribute) and each.attr in CHANGING
        value = getattr(each, "value", None)
        if (written or changed) and isinstance(value, ast.Name) and value.id in names:
            yield value.id


def test_the_one_store_of_a_process_is_a_specimens_fault() -> None:
    found = {(module, name) for module in modules() for name in stores(module)}
    assert found == {("limiters.in_process", "_STORE")}


IMPORT_ALL = """
import socket, sys, threading

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("locust", "gevent", "locustfiles"):
            raise ImportError(f"{name} must not be needed here")

sys.meta_path.insert(0, Refuse())

def refuse(event, arguments):
    if event in ("socket.connect", "socket.bind", "subprocess.Popen", "os.fork", "os.exec"):
        raise RuntimeError(f"{event} while importing")
    if event == "open" and any(c in str(arguments[1]) for c in "wax+"):
        raise RuntimeError(f"writing {arguments[0]} while importing")

sys.dont_write_bytecode = True
sys.addaudithook(refuse)
import importlib
for name in sys.argv[1:]:
    importlib.import_module(name)
assert threading.active_count() == 1, threading.enumerate()
"""


def test_importing_does_nothing_else(tmp_path: Path) -> None:
    """Nothing is printed, started, connected or written; and Locust is not needed for it."""
    names = [n for n in modules() if not within(n, "locustfiles") and n != RUNS_ON_IMPORT]
    ended = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, *names],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"},
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


HEAVY = (
    "numpy", "matplotlib", "pytest", "locust", "gevent", "scenarios", "limitproof.load",
    "limitproof.suite", "limitproof.traffic",
)  # fmt: skip


@pytest.mark.parametrize(
    ("module", "spared"),
    [
        ("limitproof.cli.explore", (*HEAVY, "hypothesis")),
        ("limitproof.cli.replay", (*HEAVY, "hypothesis")),
        ("limitproof.cli.verify", HEAVY),
        ("limitproof.verify.worker", (*HEAVY, "jinja2", "rich", "click")),
    ],
)
def test_a_simulation_begins_without_what_only_load_needs(
    module: str, spared: tuple[str, ...]
) -> None:
    """Most of what a first counterexample takes is what is imported before it."""
    code = f"import sys, {module}; print(*sys.modules, sep='\\n')"
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    found = ended.stdout.split()
    assert module in found
    assert not [name for name in found if within(name, *spared)]
