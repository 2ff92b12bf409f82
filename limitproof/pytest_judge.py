"""What the pytest plugin judges with: parametrised tests, one examination for several, a verdict.

Some checks are examined together (`verify.units`). The first test of a class that needs such an
examination makes it for all checks of the class; the others read it off. So a check finds the same
alone (-k), with others, and in any worker of xdist, from the same seed.
"""

from __future__ import annotations

import inspect
import os
import shlex
import signal
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial, reduce
from pathlib import Path
from typing import Any, NoReturn

import pytest

from limiters.contract import Quota
from limiters.registry import Target, TargetError, factory_of_tests, resolve, target_of
from limitproof.check.verdict import CheckResult, Verdict
from limitproof.decisions import one_line
from limitproof.in_time import in_time
from limitproof.promises import describe, parse_promise
from limitproof.pytest_plugin import ACCEPTED, STDERR, option
from limitproof.report.example import as_text
from limitproof.results import write_json
from limitproof.servers.address import Remote
from limitproof.servers.errors import AddressError, ServerError, SilentServerError
from limitproof.servers.find import Program, choose
from limitproof.servers.virtual import VirtualServer, virtual_server
from limitproof.simulate.refusal import HangError
from limitproof.simulate.unstoppable import end_process
from limitproof.testing import LimiterContract
from limitproof.verify.laboratory import SERVER, Examined, Laboratory, Subject, unknown
from limitproof.verify.merging import combined
from limitproof.verify.units import UNITS, Unit, examine_unit, seconds_of
from limitproof.verify.verify import resolved

MOST_LIMIT = 1000  # stories fill a window request by request
Keyed = tuple[Any, ...]


def check_target(config: pytest.Config) -> None:
    """Raises pytest.UsageError when what the command line says of TARGET is of no use."""
    try:
        with in_time():
            target = resolve(config.getoption("--limitproof-target"))
    except TargetError as error:
        raise pytest.UsageError(f"--limitproof-target: {error}") from error
    with _naming("--limitproof-target"):
        _usable(_subject_of_option(config, target, 0))
    for name in ("checks", "skip", "accept"):
        with _naming(f"--limitproof-{name}"):
            resolved(_listed(config, name), ())
    with _naming("accept in [tool.limitproof] of pyproject.toml"):
        resolved(config.stash[ACCEPTED], ())
    if not resolved(_listed(config, "checks"), _listed(config, "skip")):
        raise pytest.UsageError("--limitproof-checks and -skip leave no check")


@contextmanager
def _naming(what: str) -> Iterator[None]:
    """A ValueError is told as what is wrong with an option or a setting."""
    try:
        yield
    except ValueError as error:
        raise pytest.UsageError(f"{what}: {error}") from error


def parametrize(metafunc: pytest.Metafunc, *, grouped: bool) -> None:
    """One test for each check of a class; grouped: say which xdist may share."""
    cls = metafunc.cls
    if cls is None or not issubclass(cls, LimiterContract):
        return
    accepted = names_in(cls, "accept", metafunc.config)
    wanted = wanted_of(cls, metafunc.config)
    together = _together()
    parameters = []
    for name in wanted:
        marks = [pytest.mark.limitproof(check=name)]
        if name in accepted:
            # Only pytest.xfail() is a failure that was expected: unknown is none.
            marks.append(pytest.mark.xfail(reason=f"{name} is in accept", raises=()))
        if grouped and name in together:
            marks.append(pytest.mark.xdist_group(f"{cls.__name__}-limitproof"))
        parameters.append(pytest.param(name, marks=marks, id=name))
    metafunc.parametrize("limitproof_check", parameters)


def _together() -> frozenset[str]:
    """The checks that are examined with others."""
    return frozenset(name for unit in UNITS if len(unit.names) > 1 for name in unit.names)


def wanted_of(cls: type[LimiterContract], config: pytest.Config) -> list[str]:
    """The checks of a class in the order in which they are told. Fails the collection of it when
    its lists are of no use."""
    checks, skip = names_in(cls, "checks", config), names_in(cls, "skip", config)
    wanted = resolved(checks, skip)
    if not wanted:
        pytest.fail(f"{cls.__name__}: checks and skip leave no check", pytrace=False)
    return wanted


def names_in(cls: type[LimiterContract], attribute: str, config: pytest.Config) -> list[str]:
    """The names of checks in `checks`, `skip` or `accept` of a class.

    Those of --limitproof-target are in options. What pyproject.toml accepts holds for all.
    """
    said: Any = getattr(cls, attribute)
    where = f"{cls.__name__}.{attribute}"
    if hasattr(cls, "limitproof_target"):
        said = _listed(config, attribute)
    if isinstance(said, str):
        pytest.fail(f"{where} is {said!r}; write a list: [{said!r}]", pytrace=False)
    names = _known(tuple(said), where)
    if attribute == "accept":
        names += _known(config.stash[ACCEPTED], "accept in [tool.limitproof] of pyproject.toml")
    return names


def _known(names: Sequence[str], where: str) -> list[str]:
    """These names. Fails the collection for one that no check has."""
    for one in names:
        try:
            resolved([str(one)], ())
        except ValueError as error:
            pytest.fail(f"{where} has {one!r}: {error}", pytrace=False)
    return list(names)


def _listed(config: pytest.Config, name: str) -> list[str]:
    """Of an option that may be given several times, with commas or without."""
    parts = [part for one in option(config, name) or () for part in one.split(",")]
    return [part.strip() for part in parts if part.strip()]


@contextmanager
def open_judge(config: pytest.Config, seconds: float, seed: int) -> Iterator[Judge]:
    """A judge on a server of its own; a test that asks for one has an error where there is none."""
    missing = ""
    with ExitStack() as stack:
        try:
            program = _program(config)
            started = partial(virtual_server, program, arguments=SERVER)
            server = stack.enter_context(started())
        except ServerError as error:
            missing = f"limitproof has no Redis: {_in_pytest(error)}"
        if missing:  # out here, so that it is told without the error that was caught
            pytest.fail(missing, pytrace=False)
        yield Judge(config, server, lambda: stack.enter_context(started()), program, seconds, seed)


def _in_pytest(error: ServerError) -> str:
    """The same words with the option's name here: what starts servers knows the command's."""
    return str(error).replace(" --redis", " --limitproof-redis")


def _program(config: pytest.Config) -> Path | None:
    chosen = choose(config.getoption("--limitproof-redis") or "spawn", os.environ)
    if isinstance(chosen, Remote):
        raise AddressError(
            "--limitproof-redis: the clock of a server that runs already cannot be set",
            "give spawn:PROGRAM",
        )
    return chosen.path if isinstance(chosen, Program) else None


@dataclass(slots=True)
class Judge:
    """Makes one check of the limiter of a test class, and fails, skips or passes the test.

    seconds: for all checks of a class together; another_server: starts one, for when a limiter has
    sent a command to `server` that has no end.
    """

    config: pytest.Config
    server: VirtualServer
    another_server: Callable[[], VirtualServer]
    program: Path | None
    seconds: float
    seed: int
    _known: dict[Keyed, Mapping[str, Examined]] = field(default_factory=dict)
    _hangs: dict[Keyed, str] = field(default_factory=dict)

    def __call__(
        self,
        tests: LimiterContract,
        name: str,
        request: pytest.FixtureRequest,
    ) -> None:
        # Not by the fixture record_property, which warns of xunit2 though this works there, too.
        properties: list[tuple[str, object]] = request.node.user_properties
        properties += [("limitproof_check", name), ("limitproof_seed", self.seed)]
        examined = self._examined(tests, name, _parameters(request))
        if isinstance(examined, str):
            properties.append(("limitproof_verdict", Verdict.UNKNOWN.value))
            pytest.fail(examined, pytrace=False)
        self._conclude(tests, examined, properties)

    def _examined(self, tests: LimiterContract, name: str, parameters: Keyed) -> Examined | str:
        """What was found; or, in one line, why nothing can be."""
        cls = type(tests)
        if (why := self._hangs.get((cls, parameters))) is not None:
            return unknown(name, why)
        try:
            subject = _subject(tests, self.config, self.seed)
            wanted = wanted_of(cls, self.config)
            found = [
                self._by_unit(unit, subject, (cls, parameters), wanted)[name]
                for unit in UNITS
                if name in unit.names
            ]
        except (TargetError, ValueError) as error:
            return f"{cls.__name__}: {error}"
        except HangError as error:
            self._hangs[cls, parameters] = why = f"not simulated: {error}"
            return unknown(name, why)
        except SilentServerError as error:
            self._hangs[cls, parameters] = why = f"the limiter hangs: {error.what}"
            self._replace_server()
            return unknown(name, why)
        except ServerError as error:
            return f"{name}: the server is gone: {_in_pytest(error)}"
        except Exception as error:  # noqa: BLE001 - ours, or of a limiter that has spoilt the process
            return unknown(name, f"the check itself raised {one_line(error)}")
        return reduce(combined, found)

    def _give_up(self, why: str) -> NoReturn:
        test = os.environ.get("PYTEST_CURRENT_TEST", "").partition(" ")[0]
        end_process(f"{test}: {why}; pytest ends with it", self.config.stash.get(STDERR, 2))

    def _replace_server(self) -> None:
        """It is busy for ever, and would be taken for another limiter's fault."""
        if (pid := self.server.server.pid) is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.server = self.another_server()

    def _by_unit(
        self, unit: Unit, subject: Subject, key: Keyed, wanted: Collection[str]
    ) -> Mapping[str, Examined]:
        key = (*key, unit.names)
        if key not in self._known:
            seconds = seconds_of(unit, self.seconds)
            laboratory = Laboratory(subject, self.server, seconds, self.program, self._give_up)
            names = [one for one in unit.names if one in wanted]
            self._known[key] = examine_unit(unit, laboratory, names)
        return self._known[key]

    def _conclude(
        self,
        tests: LimiterContract,
        examined: Examined,
        properties: list[tuple[str, object]],
    ) -> None:
        result = examined.result
        properties.append(("limitproof_verdict", result.verdict.value))
        properties.append(("limitproof_because", result.because))
        if result.verdict is Verdict.PASS:
            return
        said = headline(result)
        if result.verdict is Verdict.NOT_TOLD:
            pytest.skip(said)
        text = [said, f"seed {self.seed}: --limitproof-seed {self.seed}"]
        if examined.story is not None and examined.tale is not None:
            token = examined.story.token
            properties.append(("limitproof_token", token))
            try:
                path = kept(token, examined.story.to_json(), self.config)
                stored = f"{_pythonpath(self.config)}limitproof replay {path}"
            except OSError as error:  # a story that cannot be kept is told all the same
                stored = f"could not be stored: {error}; give --limitproof-results a folder"
            # Before the story: of a long message, JUnit's attribute keeps the first lines.
            text.insert(1, f"token {token}: {stored}")
            text += ["", as_text(examined.story, examined.tale, result.because)]
        accepted = names_in(type(tests), "accept", self.config)
        if result.verdict is Verdict.FAIL and result.name in accepted:
            pytest.xfail(f"accepted: {said}")
        pytest.fail("\n".join(text), pytrace=False)


def headline(result: CheckResult) -> str:
    """A verdict in one line, as a summary of many tests shows it."""
    cause = f" ({result.cause.value})" if result.cause is not None else ""
    return f"{result.name}: {result.verdict.value}{cause}: {result.because}"


def kept(token: str, data: Mapping[str, Any], config: pytest.Config) -> Path:
    """Write what replays, whole or not at all: several workers may find the same one.

    The path is told as from where pytest was started. Raises OSError.
    """
    said: Path = option(config, "results")
    folder = config.invocation_params.dir / said
    folder.mkdir(parents=True, exist_ok=True)
    ignore = folder / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")
    write_json(folder / f"{token}.json", dict(data))
    return said / f"{token}.json"


def _parameters(request: pytest.FixtureRequest) -> Keyed:
    """Of the other parameters, where a class is parametrised: each is another limiter."""
    indices: Mapping[str, int] = request.node.callspec.indices
    return tuple(sorted((k, v) for k, v in indices.items() if k != "limitproof_check"))


def _subject(tests: LimiterContract, config: pytest.Config, seed: int) -> Subject:
    """Raises ValueError when what a class says is of no use."""
    named_target = getattr(tests, "limitproof_target", None)
    if named_target is not None:
        return _subject_of_option(config, resolve(named_target(config)), seed)
    quota = Quota(tests.limit, tests.window)
    return _usable(Subject(_target(tests), quota, None, seed, max_skew=tests.max_skew))


def _subject_of_option(config: pytest.Config, target: Target, seed: int) -> Subject:
    quota = Quota(option(config, "limit"), option(config, "window"))
    said = option(config, "promise")
    with _naming("--limitproof-promise"):
        promise = parse_promise(said, quota) if said else None
    return Subject(target, quota, promise, seed)


def _usable(subject: Subject) -> Subject:
    if subject.quota.limit > MOST_LIMIT:
        raise ValueError(f"limit {subject.quota.limit} is above {MOST_LIMIT}: give a smaller one")
    try:
        describe(subject.promised)
    except Exception as error:  # foreign code may do anything
        raise ValueError(f"its promise is of no use: {one_line(error)}") from error
    return subject


def _target(tests: LimiterContract) -> Target:
    """The class as a TARGET, by which a story replays: a module of a package, else a file."""
    cls = type(tests)
    factory = factory_of_tests(tests)
    module = cls.__module__
    where = module if "." in module else inspect.getsourcefile(cls)
    return target_of(factory, cls.__name__, f"{where}:{cls.__qualname__}")


def _pythonpath(config: pytest.Config) -> str:
    """What the shell must be told for a test to be imported without pytest, and its settings."""
    here = config.invocation_params.dir
    told = [str(one) for one in config.getini("pythonpath") if Path(one) != here]
    shown = [os.path.relpath(one, here) if Path(one).is_relative_to(here) else one for one in told]
    return f"PYTHONPATH={shlex.quote(os.pathsep.join(shown))} " if shown else ""
