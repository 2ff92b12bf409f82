"""Every name that stands for a function, given another one for a while.

`from time import monotonic` binds the function itself: what is later put into the module `time`
does not reach it. Looked through are the modules that are imported: their globals, and the dicts,
lists, tuples and `functools.partial` among these; the attributes of their classes, and of the
classes within; what their functions and properties take by default (`timer=time.monotonic`) or
close over, also below a decorator that tells what it wraps (`functools.wraps`, `lru_cache`). What
objects hold is found from the other side, see `holders`. Not seen are classes that let nobody
change them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import _lru_cache_wrapper, cached_property, lru_cache, partial
from types import FunctionType, ModuleType
from typing import Any

from limitproof.simulate.holders import held
from limitproof.simulate.places import Function, Place, names_of, skipped

Imported = tuple[tuple[str, int], ...]
"""The modules that are imported, each by its name and its id: one may be imported anew."""


@contextmanager
def rebound(fakes: Mapping[Function, Function]) -> Iterator[None]:
    """For the length of the `with`, the keys are replaced by their values wherever they are bound.

    Modules that are imported meanwhile bind the fakes; these are replaced by the keys at the end.
    What has been bound anew meanwhile stays as it is.
    """
    new = {id(real): fake for real, fake in fakes.items()}
    imported = _imported()
    changed: list[tuple[Place, Any, Any]] = []
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
def _places(imported: Imported, functions: tuple[Function, ...]) -> tuple[Place, ...]:
    """Where these functions are bound; looked for once for each set of modules."""
    names = [name for name, _ in imported if not skipped(name)]
    bound = _bound(_modules(names), frozenset(id(one) for one in functions))
    return (*bound, *held(functions))


def _modules(names: Iterable[str]) -> list[ModuleType]:
    found: list[Any] = [sys.modules.get(name) for name in names]
    return [module for module in found if issubclass(type(module), ModuleType)]


def _bound(modules: Iterable[ModuleType], wanted: frozenset[int]) -> Iterator[Place]:
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


def _made_in(module: object, value: Any) -> bool:
    """Whether it is a class of that module; another one's is looked at where it was made."""
    kind = type(value)
    return issubclass(kind, type) and bool(names_of(value).get("__module__") == module)


@dataclass(frozen=True, slots=True)
class _Search:
    """Finds the places of the functions with these ids. seen: functions and classes by id, each
    looked at once; all are held by what is searched.

    Nothing is asked of an object that may answer for itself: a proxy may raise at any question.
    """

    wanted: frozenset[int]
    seen: set[int]

    def named(self, holder: Any, name: Any, value: Any) -> Iterator[Place]:
        if self.within(value):
            yield Place(holder, name)
        else:
            yield from self.function(value)

    def items(self, holder: Any, items: Iterable[tuple[Any, Any]]) -> Iterator[Place]:
        for name, value in items:
            if id(value) in self.wanted or (type(value) is partial and self.within(value)):
                yield Place(holder, name)

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

    def attributes(self, one: type) -> Iterator[Place]:
        if id(one) in self.seen:
            return
        self.seen.add(id(one))
        names = names_of(one)
        for name, value in list(names.items()):
            yield from self.named(one, name, value)
            if _made_in(names.get("__module__"), value):
                yield from self.attributes(value)

    def function(self, value: Any) -> Iterator[Place]:
        """What a function takes by default and closes over, and one that it wraps."""
        kind = type(value)
        if kind is FunctionType:
            if id(value) in self.seen:
                return
            self.seen.add(id(value))
            if not skipped(value.__globals__.get("__name__")):
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

    def kept(self, function: FunctionType) -> Iterator[Place]:
        if self.within(function.__defaults__):
            yield Place(function, "__defaults__")
        if self.within(tuple((function.__kwdefaults__ or {}).values())):
            yield Place(function, "__kwdefaults__")
        for cell in function.__closure__ or ():
            place = Place(cell, "cell_contents")
            if self.within(place.get()):
                yield place
