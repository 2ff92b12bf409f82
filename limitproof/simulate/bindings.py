"""Every name that stands for a function, given another one for a while.

`from time import monotonic` binds the function itself: what is later put into the module `time`
does not reach it. Looked through are the modules that are imported: their globals, the attributes
of their classes, and what their functions take by default (`timer=time.monotonic`). What an object
or a closure holds is not seen.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from types import FunctionType, ModuleType
from typing import Any

Function = Callable[..., Any]
Imported = tuple[tuple[str, int], ...]
"""The modules that are imported, each by its name and its id: one may be imported anew."""
OWN = frozenset(
    {"limitproof", "pytest", "_pytest", "pluggy", "xdist", "execnet", "hypothesis", "coverage"}
    | {"time_machine", "greenlet", "rich", "click", "locust", "gevent", "numpy", "matplotlib"}
)
"""What runs beside the limiters, and is to keep the functions that it has."""
STANDARD = frozenset(sys.stdlib_module_names) - {"timeit"}  # default_timer is perf_counter


@dataclass(frozen=True, slots=True)
class _Place:
    """A name in a module's globals (a dict), or an attribute of a class or a function."""

    holder: Any
    name: str

    def get(self) -> Any:
        if isinstance(self.holder, dict):
            return self.holder.get(self.name)
        if isinstance(self.holder, type):
            return vars(self.holder).get(self.name)
        return getattr(self.holder, self.name)

    def set(self, value: Any) -> None:
        if isinstance(self.holder, dict):
            self.holder[self.name] = value
        elif isinstance(self.holder, type):
            with suppress(TypeError, AttributeError):  # a class that lets nobody change it
                setattr(self.holder, self.name, value)
        else:
            setattr(self.holder, self.name, value)

    def swap(self, new: Mapping[int, Function]) -> None:
        old = self.get()
        value = _swapped(old, new)
        if isinstance(self.holder, type) and isinstance(value, FunctionType) and value is not old:
            value = staticmethod(value)  # what is built in is not bound to an object, this would be
        self.set(value)


@contextmanager
def rebound(fakes: Mapping[Function, Function]) -> Iterator[None]:
    """For the length of the `with`, the keys are replaced by their values wherever they are bound.

    Modules that are imported meanwhile bind the fakes; these are replaced by the keys at the end.
    """
    new = {id(real): fake for real, fake in fakes.items()}
    imported = _imported()
    places = _places(imported, tuple(fakes))
    before = [(place, place.get()) for place in places]
    try:
        for place, _ in before:
            place.swap(new)
        yield
    finally:
        for place, value in before:
            place.set(value)
        late = [name for name, _ in set(_imported()) - set(imported)]
        old = {id(fake): real for real, fake in fakes.items()}
        for place in _bound(_modules(late), set(old)):
            place.swap(old)


def _imported() -> Imported:
    return tuple((name, id(module)) for name, module in list(sys.modules.items()))


@lru_cache(maxsize=4)
def _places(imported: Imported, functions: tuple[Function, ...]) -> tuple[_Place, ...]:
    """Where these functions are bound; looked for once for each set of modules."""
    skipped = STANDARD | OWN
    names = [name for name, _ in imported if name.partition(".")[0] not in skipped]
    return tuple(_bound(_modules(names), {id(one) for one in functions}))


def _modules(names: Iterable[str]) -> list[ModuleType]:
    found = [sys.modules.get(name) for name in names]
    return [module for module in found if isinstance(module, ModuleType)]


def _bound(modules: Iterable[ModuleType], wanted: set[int]) -> Iterator[_Place]:
    for module in modules:
        names = vars(module)
        for name, value in list(names.items()):
            if id(value) in wanted:
                yield _Place(names, name)
            elif getattr(value, "__module__", None) != module.__name__:
                continue  # it is looked at where it was made
            elif isinstance(value, FunctionType):
                yield from _defaults(value, wanted)
            elif isinstance(value, type):
                yield from _attributes(value, wanted)


def _attributes(one: type, wanted: set[int]) -> Iterator[_Place]:
    for name, value in list(vars(one).items()):
        inner = value.__func__ if isinstance(value, (staticmethod, classmethod)) else value
        if id(inner) in wanted:
            yield _Place(one, name)
        elif isinstance(inner, FunctionType):
            yield from _defaults(inner, wanted)


def _defaults(function: FunctionType, wanted: set[int]) -> Iterator[_Place]:
    if any(id(value) in wanted for value in function.__defaults__ or ()):
        yield _Place(function, "__defaults__")
    if any(id(value) in wanted for value in (function.__kwdefaults__ or {}).values()):
        yield _Place(function, "__kwdefaults__")


def _swapped(value: Any, new: Mapping[int, Function]) -> Any:
    """A function, a static method, or all defaults of a function, with the new ones in them."""
    if isinstance(value, tuple):
        return tuple(new.get(id(one), one) for one in value)
    if isinstance(value, dict):
        return {name: new.get(id(one), one) for name, one in value.items()}
    if isinstance(value, staticmethod):
        return staticmethod(new.get(id(value.__func__), value.__func__))
    return new.get(id(value), value)
