"""The pytest plugin: options, parametrising, markers. What it judges with is in `pytest_judge`.

pytest loads this file in every run in whose environment limitproof is installed, so it imports
nothing but pytest until there is a limiter to test.
"""

from __future__ import annotations

import importlib
import inspect
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from limitproof.pytest_judge import Judge

PROFILES = {"ci": 30.0, "night": 600.0}
"""Seconds for one class. `ci` has a fixed seed, `night` a fresh one in every run."""
SEED = pytest.StashKey[int]()
STDERR = pytest.StashKey[int]()
ACCEPTED = pytest.StashKey[Sequence[str]]()  # accept of [tool.limitproof]
ALONE = ("limit", "window", "promise", "checks", "skip", "accept")
"""Options that say of --limitproof-target what a class says in its attributes."""
OPTIONS = ("target", *ALONE, "profile", "seed", "budget", "redis", "results")
DEFAULTS = {"limit": 4, "window": 1.0, "profile": "ci", "results": Path(".limitproof")}
SHOWN = {
    "passed": "pass", "xpassed": "pass", "failed": "fail", "skipped": "skipped",
    "xfailed": "accepted",
}  # fmt: skip


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("limitproof", "rate limiters on a real Redis")
    group.addoption(
        "--limitproof-target",
        metavar="TARGET",
        help="test this limiter without any class: a name, module:factory or path.py:factory; "
        "alone, unless paths of tests are given as well",
    )
    group.addoption("--limitproof-limit", type=int, metavar="N", help="requests a window [4]")
    group.addoption("--limitproof-window", type=float, metavar="S", help="its seconds [1]")
    group.addoption(
        "--limitproof-promise",
        metavar="PROMISE",
        help="sliding, fixed, token or token:RATE:BURST instead of what TARGET declares",
    )
    for name, what in (
        ("checks", "of TARGET: only these"),
        ("skip", "of TARGET: all but these"),
        ("accept", "known risks of TARGET, expected to fail [also: accept in [tool.limitproof]]"),
    ):
        group.addoption(
            f"--limitproof-{name}",
            action="append",
            metavar="CHECK,…",
            help=f"{what}; may be given several times",
        )
    group.addoption(
        "--limitproof-profile",
        choices=sorted(PROFILES),
        help="ci: the same seed in every run; night: a fresh one, and more time [ci]",
    )
    group.addoption(
        "--limitproof-seed", type=int, metavar="N", help="of every random choice [0, night: fresh]"
    )
    group.addoption(
        "--limitproof-budget",
        type=float,
        metavar="S",
        help="most seconds for one class, about [30, night: 600]",
    )
    group.addoption(
        "--limitproof-redis", metavar="spawn|spawn:PROGRAM", help="the server [the embedded one]"
    )
    group.addoption(
        "--limitproof-results",
        type=Path,
        metavar="DIR",
        help="where stories to replay are written [.limitproof]",
    )


def option(config: pytest.Config, name: str) -> Any:
    """The value of --limitproof-NAME, given or not; None for one without a default."""
    given = config.getoption(f"--limitproof-{name}")
    return DEFAULTS.get(name) if given is None else given


def _given(config: pytest.Config, names: Sequence[str]) -> list[str]:
    """Those of these options that somebody has given."""
    options = [f"--limitproof-{name}" for name in names]
    return [one for one in options if config.getoption(one) is not None]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "limitproof(check): one check of a rate limiter")
    seed: int | None = config.getoption("--limitproof-seed")
    if seed is None:
        # All workers of xdist use the seed that was drawn before they were started.
        workerinput: dict[str, Any] = getattr(config, "workerinput", {})
        fresh = option(config, "profile") == "night"
        seed = workerinput.get("limitproof_seed", secrets.randbits(32) if fresh else 0)
    config.stash[SEED] = seed
    with suppress(OSError):
        config.stash[STDERR] = os.dup(2)  # later what is written there is captured
    if budget := config.getoption("--limitproof-budget"):
        if not 0 < budget < float("inf"):
            raise pytest.UsageError(f"--limitproof-budget: {budget} is no number of seconds")
    elif budget is not None:
        raise pytest.UsageError("--limitproof-budget: 0 seconds are too few")
    config.stash[ACCEPTED] = _accepted_in_pyproject(config)
    if not config.getoption("--limitproof-target"):
        for one in _given(config, ALONE):
            name = one.removeprefix("--limitproof-")
            raise pytest.UsageError(
                f"{one}: only with --limitproof-target; a class says it by its attribute {name}"
            )
    else:
        _judge().check_target(config)
        if config.args_source is not pytest.Config.ArgsSource.ARGS:
            config.args = []  # only TARGET: it is added when all else is collected


def pytest_unconfigure(config: pytest.Config) -> None:
    if (stderr := config.stash.get(STDERR, None)) is not None:
        os.close(stderr)


def _accepted_in_pyproject(config: pytest.Config) -> tuple[str, ...]:
    """`accept` of [tool.limitproof] in the rootdir. Raises pytest.UsageError for a wrong one.

    Nobody's run ends for a file that says nothing of limitproof, whatever else is wrong with it.
    """
    try:
        said = b"limitproof" in (config.rootpath / "pyproject.toml").read_bytes()
    except OSError:
        said = False
    if not said and not config.getoption("--limitproof-target"):
        return ()
    settings = importlib.import_module("limitproof.settings")
    try:
        accepted: tuple[str, ...] = settings.read_settings(config.rootpath).accept
    except settings.BadInputError as error:
        raise pytest.UsageError(str(error)) from error
    return accepted


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """xdist starts a worker."""
    node.workerinput["limitproof_seed"] = node.config.stash[SEED]


def pytest_report_header(config: pytest.Config) -> list[str]:
    return [_told(config)] if _given(config, OPTIONS) else []


def pytest_report_collectionfinish(config: pytest.Config, items: list[pytest.Item]) -> list[str]:
    """The same where no option was given, but there are tests of limiters."""
    told = _given(config, OPTIONS) or config.get_verbosity() < 0
    found = any(one.get_closest_marker("limitproof") is not None for one in items)
    return [_told(config)] if found and not told else []


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    """Add the tests of --limitproof-target, before -k and -m choose."""
    config = session.config
    if config.getoption("--limitproof-target"):
        # It has a path only to get a short name, the same from wherever pytest is run.
        module = pytest.Module.from_parent(session, path=config.rootpath / "limitproof")
        module.obj = importlib.import_module("limitproof.target_tests")
        items[:0] = session.genitems(module)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "limitproof_check" not in metafunc.fixturenames or metafunc.cls is None:
        return
    config = metafunc.config
    grouped = config.pluginmanager.hasplugin("xdist") or hasattr(config, "workerinput")
    _judge().parametrize(metafunc, grouped=grouped)


def pytest_itemcollected(item: pytest.Item) -> None:
    """A test that is inherited is told as one of the class, not as one of limitproof/testing.py."""
    if isinstance(item, pytest.Function) and item.get_closest_marker("limitproof") is not None:
        _path, _line, name = item.location
        item.location = (item.nodeid.partition("::")[0], _line_of(item.cls), name)


def _line_of(cls: type | None) -> int:
    """Where a class begins in its file, from 0."""
    try:
        return inspect.getsourcelines(cls)[1] - 1 if cls is not None else 0
    except (OSError, TypeError):
        return 0


@pytest.fixture(scope="session")
def limitproof_judge(request: pytest.FixtureRequest) -> Iterator[Judge]:
    """Examines the limiters of this process, on one Redis whose clock is set by hand.

    An error where there is no such server.
    """
    config = request.config
    seconds = config.getoption("--limitproof-budget")
    if seconds is None:
        seconds = PROFILES[option(config, "profile")]
    with _judge().open_judge(config, seconds, config.stash[SEED]) as judge:
        yield judge


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """One line a class: what failed, what the limiter gave no handle for."""
    classes: dict[str, dict[str, list[str]]] = {}
    for outcome, reports in terminalreporter.stats.items():
        for report in reports:
            properties = dict(getattr(report, "user_properties", ()))
            check = properties.get("limitproof_check")
            if check is None or report.when != "call" or outcome not in SHOWN:
                continue
            said = classes.setdefault(report.nodeid.rpartition("::")[0], {})
            word = properties.get("limitproof_verdict")
            if outcome not in ("failed", "skipped") or word not in ("unknown", "not told"):
                word = SHOWN[outcome]
            said.setdefault(word, []).append(check)
    if not classes:
        return
    terminalreporter.write_sep("-", _told(config))
    for name, said in sorted(classes.items()):
        parts = [
            f"{len(checks)} pass" if word == "pass" else f"{word}: {', '.join(checks)}"
            for word in ("fail", "unknown", "accepted", "not told", "skipped", "pass")
            if (checks := said.get(word))
        ]
        terminalreporter.write_line(f"{name}: {'; '.join(parts)}")


def _told(config: pytest.Config) -> str:
    return (
        f"limitproof: profile {option(config, 'profile')}, --limitproof-seed {config.stash[SEED]}"
    )


def _judge() -> Any:
    """`limitproof.pytest_judge`, which takes a second to import."""
    return importlib.import_module("limitproof.pytest_judge")
