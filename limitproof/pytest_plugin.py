"""The pytest plugin: options, markers, and what runs behind `limitproof.testing`."""

from __future__ import annotations

import inspect
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from limiters.contract import Quota
from limiters.registry import Target, TargetError, resolve, target_of
from limitproof.check.verdict import Verdict
from limitproof.promises import parse_promise
from limitproof.report.example import as_text
from limitproof.results import write_json
from limitproof.servers.address import Remote
from limitproof.servers.find import Program, choose
from limitproof.servers.virtual import VirtualServer, virtual_server
from limitproof.testing import LimiterContract
from limitproof.verify.laboratory import SERVER, Examined, Laboratory, Subject
from limitproof.verify.units import examine, named

TESTS = Path(__file__).with_name("target_tests.py")
PROFILES = {"ci": 3.0, "night": 60.0}
"""Seconds for one check. `ci` has a fixed seed, `night` a fresh one in every run."""
SEED = pytest.StashKey[int]()


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a run of pytest."""

    seconds: float
    seed: int
    folder: Path


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("limitproof", "rate limiters on a real Redis")
    group.addoption(
        "--limitproof-target",
        metavar="TARGET",
        help="test this limiter without any class: a name, module:factory or path.py:factory",
    )
    group.addoption("--limitproof-limit", type=int, default=4, metavar="N", help="of that target")
    group.addoption("--limitproof-window", type=float, default=1.0, metavar="S", help="of it, too")
    group.addoption("--limitproof-promise", metavar="PROMISE", help="sliding, fixed, token:R:B")
    group.addoption(
        "--limitproof-profile",
        choices=sorted(PROFILES),
        default="ci",
        help="ci: the same seed in every run; night: a fresh one, and more time [ci]",
    )
    group.addoption("--limitproof-seed", type=int, metavar="N", help="of every random choice")
    group.addoption(
        "--limitproof-budget", type=float, metavar="S", help="seconds for one check [3, night: 60]"
    )
    group.addoption(
        "--limitproof-redis", metavar="spawn|spawn:PROGRAM", help="the server [the embedded one]"
    )
    group.addoption(
        "--limitproof-results", type=Path, default=Path(".limitproof"), metavar="DIR",
        help="where schedules to replay are written [.limitproof]",
    )  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "limitproof(check): one check of a rate limiter")
    seed: int | None = config.getoption("--limitproof-seed")
    if seed is None:
        # All workers of xdist use the seed that was drawn before they were started.
        workerinput: dict[str, Any] = getattr(config, "workerinput", {})
        fresh = config.getoption("--limitproof-profile") == "night"
        seed = workerinput.get("limitproof_seed", secrets.randbits(32) if fresh else 0)
    config.stash[SEED] = seed
    if target := config.getoption("--limitproof-target"):
        _checked(config, target)
        given = config.invocation_params.args
        paths = any(
            not str(one).startswith("-") and Path(str(one).split("::")[0]).exists() for one in given
        )
        config.args = [*config.args, str(TESTS)] if paths else [str(TESTS)]


def _checked(config: pytest.Config, target: str) -> None:
    try:
        resolve(target)
        quota = _quota(config)
        if promise := config.getoption("--limitproof-promise"):
            parse_promise(promise, quota)
    except (TargetError, ValueError) as error:
        raise pytest.UsageError(f"--limitproof-target: {error}") from error


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """xdist starts a worker."""
    node.workerinput["limitproof_seed"] = node.config.stash[SEED]


def pytest_report_header(config: pytest.Config) -> str:
    profile = config.getoption("--limitproof-profile")
    return f"limitproof: profile {profile}, --limitproof-seed {config.stash[SEED]}"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    cls = metafunc.cls
    if "limitproof_check" not in metafunc.fixturenames or cls is None:
        return
    if not issubclass(cls, LimiterContract):
        return
    known = named()
    if strange := sorted({*cls.checks, *cls.skip, *cls.accept} - set(known)):
        raise pytest.UsageError(
            f"{cls.__name__} names {strange[0]!r}, which is no check; there are {', '.join(known)}"
        )
    wanted = [n for n in known if (not cls.checks or n in cls.checks) and n not in cls.skip]
    metafunc.parametrize(
        "limitproof_check",
        [pytest.param(name, marks=pytest.mark.limitproof(check=name), id=name) for name in wanted],
    )


@pytest.fixture(scope="session")
def limitproof_server(request: pytest.FixtureRequest) -> Iterator[VirtualServer]:
    """A Redis whose clock is set by hand, one a worker; an error where there is none."""
    chosen = choose(request.config.getoption("--limitproof-redis") or "spawn", os.environ)
    if isinstance(chosen, Remote):
        raise pytest.UsageError(
            "--limitproof-redis: the clock of a server that runs already cannot be set; give "
            "spawn:PROGRAM"
        )
    program = chosen.path if isinstance(chosen, Program) else None
    with virtual_server(program, arguments=SERVER) as virtual:
        yield virtual


@pytest.fixture
def limitproof_judge(
    request: pytest.FixtureRequest,
    limitproof_server: VirtualServer,
    record_property: Callable[[str, object], None],
) -> Callable[[LimiterContract, str], None]:
    """Makes one check of the limiter of a test class, and fails, skips or passes the test."""
    options = _options(request.config)

    def judge(tests: LimiterContract, name: str) -> None:
        subject = _subject(tests, request.config, options)
        laboratory = Laboratory(subject, limitproof_server, options.seconds)
        _conclude(tests, examine(laboratory, name, options.seconds), options, record_property)

    return judge


def _options(config: pytest.Config) -> Options:
    seconds = config.getoption("--limitproof-budget")
    profile = config.getoption("--limitproof-profile")
    return Options(
        PROFILES[profile] if seconds is None else seconds,
        config.stash[SEED],
        config.getoption("--limitproof-results"),
    )


def _quota(config: pytest.Config) -> Quota:
    return Quota(config.getoption("--limitproof-limit"), config.getoption("--limitproof-window"))


def _subject(tests: LimiterContract, config: pytest.Config, options: Options) -> Subject:
    target = getattr(tests, "limitproof_target", None)
    if target is not None:
        quota = _quota(config)
        said = config.getoption("--limitproof-promise")
        promise = parse_promise(said, quota) if said else None
        return Subject(resolve(target(config)), quota, promise, options.seed)
    quota = Quota(tests.limit, tests.window)
    promised = type(tests).promise
    return Subject(
        _target(tests), quota, promised(quota) if promised is not None else None, options.seed,
        max_skew=tests.max_skew,
    )  # fmt: skip


def _target(tests: LimiterContract) -> Target:
    cls = type(tests)
    path = inspect.getsourcefile(cls)
    return target_of(tests.make_limiter, cls.__name__, f"{path}:{cls.__qualname__}")


def _conclude(
    tests: LimiterContract,
    examined: Examined,
    options: Options,
    record_property: Callable[[str, object], None],
) -> None:
    result, story = examined.result, examined.story
    said = f"{result.name}: {result.verdict.value}: {result.because}"
    record_property("limitproof_verdict", result.verdict.value)
    record_property("limitproof_because", result.because)
    if result.verdict is Verdict.PASS:
        return
    if result.verdict is Verdict.NOT_TOLD:
        pytest.skip(said)
    if story is not None and examined.tale is not None:
        path = _kept(story.token, story.to_json(), options.folder)
        record_property("limitproof_token", story.token)
        story_told = as_text(story, examined.tale, result.because)
        said = f"{story_told}\n\n{said}\nreplay {story.token}: limitproof replay {path}"
    said += f"\nseed {options.seed}"
    if result.verdict is Verdict.FAIL and result.name in tests.accept:
        pytest.xfail(f"accepted: {said}")
    pytest.fail(said, pytrace=False)


def _kept(token: str, data: dict[str, Any], folder: Path) -> Path:
    """Write a schedule, whole or not at all: several workers may find the same one."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{token}.json"
    write_json(path, data)
    return path
