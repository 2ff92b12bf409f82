"""A place in which a function stands, whatever holds it: read, and written, asking nobody."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from types import MemberDescriptorType
from typing import Any

Function = Callable[..., Any]
OWN = frozenset(
    {"limitproof", "pytest", "_pytest", "pluggy", "xdist", "execnet", "hypothesis", "coverage"}
    | {"time_machine", "greenlet", "rich", "click", "locust", "gevent", "numpy", "matplotlib"}
)
"""What runs beside the limiters, and is to keep the functions that it has."""
STANDARD = frozenset(sys.stdlib_module_names) - {"timeit"}  # default_timer is perf_counter
SKIPPED = STANDARD | OWN


def skipped(module: object) -> bool:
    """Whether a module of this name keeps the functions that it has."""
    return _package(module) in SKIPPED


def runs_beside(module: object) -> bool:
    """Whether a module of this name is one of `OWN`."""
    return _package(module) in OWN


def _package(module: object) -> str:
    return str(module).partition(".")[0]


def names_of(one: type) -> Mapping[str, Any]:
    """A class's own attributes; its metaclass is not asked, which may raise."""
    names: Mapping[str, Any] = type.__dict__["__dict__"].__get__(one)
    return names


class Missing:
    """What a place holds that is there no more."""


@dataclass(frozen=True, slots=True)
class Place:
    """A key of a dict (a module's globals are one), an index of a list or deque, a slot of an
    object (its descriptor is the name), or an attribute of a class, a function or a closure's cell.
    """

    holder: Any
    name: Any

    def get(self) -> Any:
        """What is there; `Missing` where nothing is. An overridden `__getitem__` is not asked."""
        kind = type(self.holder)
        with suppress(Exception):
            if type(self.name) is MemberDescriptorType:
                return self.name.__get__(self.holder)
            if (base := _base(kind)) is not None:
                return base.__getitem__(self.holder, self.name)
            if issubclass(kind, type):
                return names_of(self.holder)[self.name]
            return getattr(self.holder, self.name)
        return Missing

    def set(self, value: Any) -> None:
        """Nothing happens in a class that lets nobody change it: its metaclass may raise all."""
        with suppress(Exception):
            if type(self.name) is MemberDescriptorType:
                self.name.__set__(self.holder, value)
            elif (base := _base(type(self.holder))) is not None:
                base.__setitem__(self.holder, self.name, value)
            else:
                setattr(self.holder, self.name, value)


def _base(kind: type) -> Any:
    return next((one for one in (dict, list, deque) if issubclass(kind, one)), None)


def rebuilt(value: Any, new: Mapping[int, Any]) -> Any:
    """A tuple, a partial or a staticmethod like it, with what stands for what it holds (by id)."""
    kind = type(value)
    if issubclass(kind, partial):
        parts = (value.func, *value.args)
        words = {name: new.get(id(one), one) for name, one in value.keywords.items()}
        return partial.__new__(kind, *(new.get(id(one), one) for one in parts), **words)
    if kind is staticmethod:
        return staticmethod(new.get(id(value.__func__), value.__func__))
    again = tuple.__new__(kind, [new.get(id(one), one) for one in tuple.__iter__(value)])
    with suppress(Exception):  # a subclass may have attributes
        object.__getattribute__(again, "__dict__").update(
            object.__getattribute__(value, "__dict__")
        )
    return again
