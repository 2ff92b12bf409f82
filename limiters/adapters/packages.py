"""Where published packages lie, and how one of them gets into this process."""

from __future__ import annotations

import importlib
import os
import sys
import tomllib
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, cast

from limiters.contract import Clock, Quota
from limiters.promise import PromiseOf
from limiters.registry import TargetError

F = TypeVar("F", bound=Callable[..., Any])
HERE = Path(__file__).parent
RECEIPT = "installed.txt"
"""In a package's folder: what was put there. A folder comes into being whole, with this in it."""


@dataclass(frozen=True, slots=True)
class Package:
    """One version of one package; `requires` is all that lies beside it, pinned."""

    name: str
    version: str
    module: str
    requires: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """As a file name and on the command line: limits-5.8.0."""
        return f"{self.name}-{self.version}"

    @property
    def pins(self) -> tuple[str, ...]:
        """What pip is asked for."""
        return (f"{self.name}=={self.version}", *self.requires)

    @property
    def receipt(self) -> str:
        """What a folder holds, and for which Python: some requirements are compiled."""
        python = "python=={}.{}".format(*sys.version_info)
        return "\n".join((*self.pins, python)) + "\n"


def known_packages() -> tuple[Package, ...]:
    """All that is listed in packages.toml, in its order."""
    told = tomllib.loads((HERE / "packages.toml").read_text(encoding="utf-8"))
    return tuple(
        Package(one["name"], one["version"], one["module"], tuple(one.get("requires", ())))
        for one in told["package"]
    )


def package(label: str) -> Package:
    """The package of that label. Raises TargetError when none is listed so."""
    labels = {one.label: one for one in known_packages()}
    if label not in labels:
        raise TargetError(f"no package {label!r} is listed; there are {', '.join(labels)}")
    return labels[label]


def home(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder of all packages: LIMITPROOF_PACKAGES, else .packages beside `limiters/`."""
    named = environ.get("LIMITPROOF_PACKAGES")
    return Path(named).absolute() if named else HERE.parents[1] / ".packages"


def folder(wanted: Package) -> Path:
    """Where a package lies, or would lie."""
    return home() / wanted.label


def is_there(wanted: Package) -> bool:
    """Whether exactly what is pinned was installed."""
    receipt = folder(wanted) / RECEIPT
    return receipt.is_file() and receipt.read_text(encoding="utf-8") == wanted.receipt


def bring(wanted: Package, *submodules: str) -> None:
    """Import a package, and modules below it, from its folder; once done, it costs nothing more.

    Raises TargetError when it is not installed, when the process has another version already, or
    when importing fails.
    """
    where = folder(wanted)
    names = (wanted.module, *submodules)
    if wanted.module in sys.modules:
        _check_origin(wanted, where)
    elif not is_there(wanted):
        raise TargetError(
            f"{wanted.name} {wanted.version} is not there: run `make packages` "
            f"(or: python -m limiters.adapters install {wanted.label})"
        )
    if all(name in sys.modules for name in names):
        return
    sys.path.insert(0, str(where))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an older package's, of its own source
            for name in names:
                importlib.import_module(name)
    except Exception as error:
        raise TargetError(
            f"importing {name} of {wanted.label} raised {type(error).__name__}: {error}; "
            "it may not fit the redis-py that is installed"
        ) from error
    finally:
        sys.path.remove(str(where))
    _check_origin(wanted, where)


def _check_origin(wanted: Package, where: Path) -> None:
    came_from = Path(sys.modules[wanted.module].__file__ or "/").parent
    if where not in came_from.parents:
        raise TargetError(
            f"{wanted.name} {wanted.version} cannot be used: this process has {wanted.module} from "
            f"{came_from} already; give each version a command of its own"
        )


def adapts(label: str, *submodules: str, promise: PromiseOf) -> Callable[[F], F]:
    """Make a function the factory of a limiter from a package.

    label: of the package, as in packages.toml. submodules: what of it must be imported besides,
    all dotted. promise: what the package claims. The factory gets `prepare`, which imports them:
    `limiters.registry.resolve` calls it, before a client exists and while the clock is the real
    one.
    """
    wanted = package(label)

    def mark(factory: F) -> F:
        def prepare() -> None:
            bring(wanted, *submodules)

        @wraps(factory)
        def prepared(client: Any, quota: Quota, clock: Clock) -> Any:
            prepare()
            return factory(client, quota, clock)

        vars(prepared).update(promise=promise, package=label, prepare=prepare)
        return cast(F, prepared)

    return mark


def whole_seconds(window: float, label: str) -> int:
    """A window in seconds for a package that takes whole ones. Raises ValueError for another."""
    if window != int(window):
        raise ValueError(f"{label} takes whole seconds: a window of 1, 2 or 3, not {window:g}")
    return int(window)
