"""A place in which a function stands, whatever holds it: read, and written, asking nobody."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from types import FunctionType, MemberDescriptorType
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
    return str(module).partition(".")[0] in SKIPPED


def names_of(one: type) -> Mapping[str, Any]:
    """A class's own attributes; its metaclass is not asked, which may raise."""
    names: Mapping[str, Any] = type.__dict__["__dict__"].__get__(one)
    return names


class _Missing:
    """What a place holds that is there no more."""


@dataclass(frozen=True, slots=True)
class Place:
    """A key of a dict (a module's globals are one), an index of a list, a slot of an object (its
    descriptor is the name), or an attribute of a class, a function or a closure's cell."""

    holder: Any
    name: Any

    def get(self) -> Any:
        """What is there; `_Missing` where nothing is."""
        with suppress(Exception):
            if type(self.name) is MemberDescriptorType:
                return self.name.__get__(self.holder)
            if isinstance(self.holder, (dict, list)):
                return self.holder[self.name]
            if isinstance(self.holder, type):
                return names_of(self.holder)[self.name]
            return getattr(self.holder, self.name)
        return _Missing

    def set(self, value: Any) -> None:
        with suppress(Exception):  # a class that lets nobody change it: its metaclass may raise all
            if type(self.name) is MemberDescriptorType:
                self.name.__set__(self.holder, value)
            elif isinstance(self.holder, (dict, list)):
                self.holder[self.name] = value
            else:
                setattr(self.holder, self.name, value)

    def swap(self, new: Mapping[int, Function]) -> Any:
        """Put the new ones there; what is there now."""
        old = self.get()
        value = _swapped(old, new)
        if value is old:
            return old
        if isinstance(self.holder, type) and isinstance(value, FunctionType):
            value = staticmethod(value)  # what is built in is not bound to an object, this would be
        self.set(value)
        return value


def _swapped(value: Any, new: Mapping[int, Function]) -> Any:
    """A function, or what has functions in it, with the new ones; the same if there are none."""
    kind = type(value)
    if issubclass(kind, tuple):
        items = [_swapped(one, new) for one in value]
        same = all(one is item for one, item in zip(value, items, strict=True))
        return value if same else tuple.__new__(kind, items)
    if kind is dict:  # what a function takes by default
        return {name: new.get(id(one), one) for name, one in value.items()}
    if kind is partial:
        parts = value.func, value.args, value.keywords
        func, args, keywords = (_swapped(part, new) for part in parts)
        return partial(func, *args, **keywords)
    if kind is staticmethod:
        return staticmethod(new.get(id(value.__func__), value.__func__))
    return new.get(id(value), value)
