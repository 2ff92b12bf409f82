"""Find a limiter: by registered name, `package.module:factory` or `path/to/file.py:factory`."""

from __future__ import annotations

import difflib
import functools
import hashlib
import importlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import redis.asyncio

from limiters.contract import AsyncFactory, Clock, Factory, Quota
from limiters.entries import REGISTRY
from limiters.entry import Entry
from limiters.others import OTHERS
from limiters.place import place_of

__all__ = [
    "KNOWN", "OTHERS", "REGISTRY", "Entry", "Target", "TargetError", "entry",
    "factory_of_tests", "resolve", "target_of",
]  # fmt: skip

KNOWN = (*REGISTRY, *OTHERS)
"""All that have a name; REGISTRY alone is what `limitproof run` compares."""


class TargetError(ValueError):
    """A TARGET that cannot be used; the message is one line that says what to do next."""


@dataclass(frozen=True, slots=True)
class Target:
    """A limiter that was found.

    `spec` finds it again, also from another process: a file is given by its absolute path.
    `entry` is what is known about a registered limiter, None for any other.
    """

    name: str
    spec: str
    factory: Factory | AsyncFactory
    is_async: bool
    entry: Entry | None = None


def entry(name: str) -> Entry:
    """The registered limiter of that name. Raises TargetError when there is none."""
    for candidate in KNOWN:
        if candidate.name == name:
            return candidate
    close = difflib.get_close_matches(name, [known.name for known in KNOWN])
    guess = f"did you mean {' or '.join(close)}? " if close else ""
    raise TargetError(
        f"no limiter is named {name!r}; {guess}`limitproof list limiters` shows all, and your own "
        "is given as package.module:factory or path/to/file.py:factory"
    )


def resolve(target: str) -> Target:
    """Find and load a limiter. Raises TargetError with one clear line when it cannot be used.

    A factory may have `prepare()`: it imports what it needs, or raises TargetError. It is called
    here, so that nothing is imported later, under a virtual clock or under load.
    """
    if ":" not in target and not target.endswith(".py") and "/" not in target:
        known = entry(target)
        module_name, _, factory_name = known.factory.partition(":")
        factory = _factory(_import_module(module_name), factory_name, target)
        return Target(known.name, known.name, factory, _is_async(factory), known)

    where, _, factory_name = target.rpartition(":") if ":" in target else (target, "", "")
    if where.endswith(".py") or "/" in where:
        path = Path(where).expanduser().absolute()
        factory = _factory(_load_file(path), factory_name, target)
        name, spec = f"{path.name}:{factory_name}", f"{path}:{factory_name}"
    else:
        factory = _factory(_import_module(where), factory_name, target)
        name = spec = target
    if callable(prepare := getattr(factory, "prepare", None)):
        prepare()
    return Target(name, spec, factory, _is_async(factory))


def target_of(factory: Any, name: str, spec: str) -> Target:
    """A factory at hand as a target; `spec` finds it again from another process."""
    return Target(name, spec, factory, _is_async(factory))


def factory_of_tests(tests: Any) -> Any:
    """`make_limiter` of a class of tests (see limitproof.testing), with what the class promises."""
    made = tests.make_limiter

    @functools.wraps(made)
    def factory(client: Any, quota: Quota, clock: Clock) -> Any:
        return made(client, quota, clock)

    if (promise := type(tests).promise) is not None:
        vars(factory)["promise"] = promise
    return factory


def _import_module(name: str) -> ModuleType:
    """Import a module, also from the current directory, as `python -m` does."""
    try:
        with _importing_from(Path.cwd()):
            return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise TargetError(
                f"there is no module {error.name!r}; run from the directory that holds it, or give "
                "the file: path/to/file.py:factory"
            ) from error
        raise _import_failed(name, error) from error
    except (Exception, SystemExit) as error:
        raise _import_failed(name, error) from error


def _load_file(path: Path) -> ModuleType:
    """Run a file as a module of its own: two files of one name do not meet."""
    if not path.is_file():
        raise TargetError(f"there is no file {path}; give path/to/file.py:factory")
    digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:12]
    spec = importlib.util.spec_from_file_location(f"limiter_{digest}_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise TargetError(f"{path} is not a Python file; its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and pickle look their module up by name
    try:
        with _importing_from(path.parent, write_bytecode=False):
            spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[spec.name]
        raise _import_failed(str(path), error) from error
    return module


@contextmanager
def _importing_from(directory: Path, *, write_bytecode: bool = True) -> Iterator[None]:
    """Let modules of `directory` be imported; with write_bytecode=False leave nothing there.

    Last of all those of the current directory, as by `python -m`: a test in tests/ imports what it
    tests from there.
    """
    before, fork = sys.dont_write_bytecode, getattr(os, "fork", None)
    added = [str(directory)]
    sys.path.insert(0, str(directory))
    if (here := str(Path.cwd())) not in sys.path and "" not in sys.path:
        added.append(here)
        sys.path.append(here)
    sys.dont_write_bytecode = before or not write_bytecode
    vars(os)["fork"] = _no_fork
    try:
        yield
    finally:
        if vars(os)["fork"] is _no_fork:  # the module may have put its own there
            vars(os)["fork"] = fork
        sys.dont_write_bytecode = before
        for one in added:
            with suppress(ValueError):  # the module may have taken it out itself
                sys.path.remove(one)


def _no_fork() -> NoReturn:
    raise RuntimeError("it forks its process (os.fork), and all that follows would be done twice")


def _import_failed(what: str, error: BaseException) -> TargetError:
    if isinstance(error, SyntaxError) and error.filename is not None:
        return TargetError(f"{error.filename}:{error.lineno}: {error.msg}; correct the file first")
    told = " ".join(str(error).split())
    place = place_of(error)
    return TargetError(
        f"importing {what} raised {type(error).__name__}{': ' if told else ''}{told}"
        f"{f' ({place})' if place else ''}; it must import cleanly"
    )


def _factory(module: ModuleType, name: str, target: str) -> Any:
    """The factory of that name in the module, checked as far as it can be without calling it."""
    found: Any = module
    try:
        if not name:
            raise AttributeError(name)
        for part in name.split("."):
            found = getattr(found, part)
    except AttributeError:
        there = ", ".join(_factories(module)) or "nothing that takes (client, quota, clock)"
        asked = f"has no {name!r}" if name else f"is only a place: name the factory, {target}:..."
        raise TargetError(f"{_shown(module)} {asked}; it has {there}") from None
    if inspect.isclass(found) and hasattr(found, "make_limiter"):
        found = factory_of_tests(found())  # a class of tests: limitproof.testing
    if not callable(found):
        raise TargetError(
            f"{name!r} in {_shown(module)} is {type(found).__name__}, not callable; "
            "a factory is called with (client, quota, clock)"
        )
    if inspect.iscoroutinefunction(found):
        raise TargetError(
            f"{name!r} in {_shown(module)} is async def; a factory is a plain function or a class, "
            "only acquire may be async def"
        )
    if not _takes_three(found):
        raise TargetError(
            f"{name}{inspect.signature(found)} in {_shown(module)} cannot be called with three "
            "positional arguments (client, quota, clock)"
        )
    if inspect.isclass(found) and not callable(getattr(found, "acquire", None)):
        raise TargetError(f"{name!r} in {_shown(module)} has no method acquire(key)")
    return found


def _shown(module: ModuleType) -> str:
    return str(getattr(module, "__file__", None) or module.__name__)


def _factories(module: ModuleType) -> list[str]:
    """Names of the module's own callables that could be a factory."""
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and getattr(value, "__module__", None) == module.__name__
        and callable(value)
        and _takes_three(value)
    ]


def _takes_three(factory: Any) -> bool:
    try:
        inspect.signature(factory).bind(object(), object(), object())
    except TypeError:
        return False
    except ValueError:  # written in C: no signature to judge
        return True
    return True


def _is_async(factory: Any) -> bool:
    """True for a factory that wants an asyncio client, or makes what has an async `acquire`."""
    try:
        signature = inspect.signature(factory)
    except ValueError:  # written in C
        return False
    made = factory if inspect.isclass(factory) else _named(signature.return_annotation, factory)
    if inspect.iscoroutinefunction(getattr(made, "acquire", None)):
        return True
    first = next(iter(signature.parameters.values()))
    client = _named(first.annotation, factory)
    clients = (redis.asyncio.Redis, redis.asyncio.RedisCluster)
    return inspect.isclass(client) and issubclass(client, clients)


def _named(annotation: Any, factory: Any) -> Any:
    """What an annotation names, also one written as a string; None when it cannot be told.

    Only dotted names are looked up, as in 'redis.asyncio.Redis[bytes]': evaluating all
    annotations fails on the first name that is imported for type checkers only.
    """
    if not isinstance(annotation, str):
        return getattr(annotation, "__origin__", annotation)
    function = factory.__init__ if inspect.isclass(factory) else inspect.unwrap(factory)
    first, *rest = annotation.partition("[")[0].strip("'\" ").split(".")
    found = getattr(function, "__globals__", {}).get(first)
    for part in rest:
        found = getattr(found, part, None)
    return found
