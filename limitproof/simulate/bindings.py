"""Every name that stands for a function, given another one for a while.

`from time import monotonic` binds the function itself: what is later put into the module `time`
does not reach it. Looked through are the modules that are imported: their globals, and the dicts,
lists, tuples and `functools.partial` among these; the attributes of their classes, and of the
classes within; what their functions and properties take by default (`timer=time.monotonic`) or
close over, also below a decorator that tells what it wraps (`functools.wraps`, `lru_cache`). Not
seen are what an object holds (`cache = TTLCache(timer=time.monotonic)`), a container within
another, and classes that let nobody change them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import _lru_cache_wrapper, cached_property, lru_cache, partial
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
SKIPPED = STANDARD | OWN


class _Missing:
    """What a place holds that is there no more."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A key of a dict (a module's globals are one), an index of a list, or an attribute of a
    class, a function or a closure's cell."""

    holder: Any
    name: Any

    def get(self) -> Any:
        """What is there; `_Missing` where nothing is."""
        with suppress(Exception):
            if isinstance(self.holder, (dict, list)):
                return self.holder[self.name]
            if isinstance(self.holder, type):
                return _names_of(self.holder)[self.name]
            return getattr(self.holder, self.name)
        return _Missing

    def set(self, value: Any) -> None:
        with suppress(Exception):  # a class that lets nobody change it: its metaclass may raise all
            if isinstance(self.holder, (dict, list)):
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


@contextmanager
def rebound(fakes: Mapping[Function, Function]) -> Iterator[None]:
    """For the length of the `with`, the keys are replaced by their values wherever they are bound.

    Modules that are imported meanwhile bind the fakes; these are replaced by the keys at the end.
    What has been bound anew meanwhile stays as it is.
    """
    new = {id(real): fake for real, fake in fakes.items()}
    imported = _imported()
    changed: list[tuple[_Place, Any, Any]] = []
    try:
        for place in _places(imported, tuple(fakes)):
            old = place.get()
            changed.append((place, old, place.swap(new)))
        yield
    finally:
        for place, old, put in reversed(changed):
            if place.get() is put:
                place.set(old)
        late = [name for name, _ in set(_imported()) - set(imported)]
        back = {id(fake): real for real, fake in fakes.items()}
        for place in _bound(_modules(late), frozenset(back)):
            place.swap(back)


def _imported() -> Imported:
    return tuple((name, id(module)) for name, module in list(sys.modules.items()))


@lru_cache(maxsize=4)
def _places(imported: Imported, functions: tuple[Function, ...]) -> tuple[_Place, ...]:
    """Where these functions are bound; looked for once for each set of modules."""
    names = [name for name, _ in imported if not _skipped(name)]
    return tuple(_bound(_modules(names), frozenset(id(one) for one in functions)))


def _modules(names: Iterable[str]) -> list[ModuleType]:
    found: list[Any] = [sys.modules.get(name) for name in names]
    return [module for module in found if issubclass(type(module), ModuleType)]


def _skipped(module: object) -> bool:
    return str(module).partition(".")[0] in SKIPPED


def _bound(modules: Iterable[ModuleType], wanted: frozenset[int]) -> Iterator[_Place]:
    search = _Search(wanted, set())
    for module in modules:
        names = object.__getattribute__(module, "__dict__")  # one that loads late stays unloaded
        for name, value in list(names.items()):
            if name == "__builtins__":
                continue
            yield from search.named(names, name, value)
            if type(value) is dict:
                yield from search.items(value, list(value.items()))
            elif type(value) is list:
                yield from search.items(value, list(enumerate(value)))
            elif _made_in(names.get("__name__"), value):
                yield from search.attributes(value)


def _names_of(one: type) -> Mapping[str, Any]:
    """Its own attributes; its metaclass is not asked, which may raise."""
    names: Mapping[str, Any] = type.__dict__["__dict__"].__get__(one)
    return names


def _made_in(module: object, value: Any) -> bool:
    """Whether it is a class of that module; another one's is looked at where it was made."""
    kind = type(value)
    return issubclass(kind, type) and bool(_names_of(value).get("__module__") == module)


@dataclass(frozen=True, slots=True)
class _Search:
    """Finds the places of the functions with these ids. seen: functions and classes by id, each
    looked at once; all are held by what is searched.

    Nothing is asked of an object that may answer for itself: a proxy may raise at any question.
    """

    wanted: frozenset[int]
    seen: set[int]

    def named(self, holder: Any, name: Any, value: Any) -> Iterator[_Place]:
        if self.within(value):
            yield _Place(holder, name)
        else:
            yield from self.function(value)

    def items(self, holder: Any, items: Iterable[tuple[Any, Any]]) -> Iterator[_Place]:
        for name, value in items:
            if id(value) in self.wanted or (type(value) is partial and self.within(value)):
                yield _Place(holder, name)

    def within(self, value: Any) -> bool:
        """Whether it is one of the functions, or a tuple or a partial with one of them in it."""
        kind = type(value)
        if kind is tuple:
            return not self.wanted.isdisjoint(map(id, value))
        if kind is partial:
            return not self.wanted.isdisjoint(
                map(id, (value.func, *value.args, *value.keywords.values()))
            )
        if kind is staticmethod:
            return id(value.__func__) in self.wanted
        return id(value) in self.wanted

    def attributes(self, one: type) -> Iterator[_Place]:
        if id(one) in self.seen:
            return
        self.seen.add(id(one))
        names = _names_of(one)
        for name, value in list(names.items()):
            yield from self.named(one, name, value)
            if _made_in(names.get("__module__"), value):
                yield from self.attributes(value)

    def function(self, value: Any) -> Iterator[_Place]:
        """What a function takes by default and closes over, and one that it wraps."""
        kind = type(value)
        if kind is FunctionType:
            if id(value) in self.seen:
                return
            self.seen.add(id(value))
            if not _skipped(value.__globals__.get("__name__")):
                yield from self.kept(value)
            yield from self.function(vars(value).get("__wrapped__"))
        elif kind is _lru_cache_wrapper:
            yield from self.function(vars(value).get("__wrapped__"))
        elif kind is staticmethod or kind is classmethod:
            yield from self.function(value.__func__)
        elif kind is cached_property:
            yield from self.function(value.func)
        elif kind is property:
            for one in (value.fget, value.fset, value.fdel):
                yield from self.function(one)

    def kept(self, function: FunctionType) -> Iterator[_Place]:
        if self.within(function.__defaults__):
            yield _Place(function, "__defaults__")
        if self.within(tuple((function.__kwdefaults__ or {}).values())):
            yield _Place(function, "__kwdefaults__")
        for cell in function.__closure__ or ():
            place = _Place(cell, "cell_contents")
            if self.within(place.get()):
                yield place


def _swapped(value: Any, new: Mapping[int, Function]) -> Any:
    """A function, or what has functions in it, with the new ones; the same if there are none."""
    kind = type(value)
    if kind is tuple:
        return tuple(new.get(id(one), one) for one in value)
    if kind is dict:
        return {name: new.get(id(one), one) for name, one in value.items()}
    if kind is partial:
        keywords = _swapped(value.keywords, new)
        return partial(new.get(id(value.func), value.func), *_swapped(value.args, new), **keywords)
    if kind is staticmethod:
        return staticmethod(new.get(id(value.__func__), value.__func__))
    return new.get(id(value), value)
