"""Who holds a function: found from the function backwards, as the garbage collector knows it.

`from time import monotonic` binds the function itself: what is later put into the module `time`
does not reach it. Nor does it reach what an object holds that was made at import, `cache =
TTLCache(timer=time.monotonic)`. The collector knows of every container what it refers to
(`gc.get_referrers`), looks through all of them in one pass, and asks nothing of any object. Nor
does what is here: `isinstance` would, and a proxy may raise at any question.

A key of a dict and a member of a set are no places: who keeps a clock so is refused. Not seen is
what only code in C holds, or a frame that runs.
"""

from __future__ import annotations

import gc
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from graphlib import TopologicalSorter
from types import (
    AsyncGeneratorType,
    CellType,
    CoroutineType,
    FrameType,
    FunctionType,
    GeneratorType,
    MemberDescriptorType,
    ModuleType,
    TracebackType,
)
from typing import Any

from limitproof.simulate.places import Function, Place, names_of, runs_beside, skipped
from limitproof.simulate.refusal import RefusedError

DEEP = 8  # passes: holders of holders
MANY = 1_000  # holders that can be looked at in one pass: each costs the next one
IMMUTABLE = (tuple, partial, staticmethod)
KNOWN_BY_VALUE = (dict, set, frozenset)  # of their keys and members any that is equal is found
SUSPENDED = {GeneratorType: "gi", CoroutineType: "cr", AsyncGeneratorType: "ag"}
ENDS = (FrameType, ModuleType, TracebackType)


@dataclass(frozen=True, slots=True)
class Held:
    """places: where functions stand, or an immutable in which they do; immutables: these, each
    after what it holds; wanted: the ids of both functions and immutables; holders: what has
    such a place, or holds one of these so that nobody can take it out (a ContextVar's default);
    keyed: functions that are a key or a member, and of what kind."""

    places: tuple[Place, ...] = ()
    immutables: tuple[Any, ...] = ()
    wanted: frozenset[int] = frozenset()
    holders: tuple[Any, ...] = ()
    keyed: tuple[tuple[str, Function], ...] = ()

    def is_so_still(self) -> bool:
        """Whether in each place is one of these now."""
        return all(id(place.get()) in self.wanted for place in self.places)


@dataclass(frozen=True, slots=True)
class _Holders:
    """Who holds some objects, perhaps by way of others.

    between: by id, who is a limiter's only if one holds it (containers, and objects of the standard
    library), nearest first; inside: what these hold of the objects and of each other (ids); owners:
    a limiter's own objects, functions, classes and modules' globals; tops: ids of what these hold.
    """

    between: dict[int, Any] = field(default_factory=dict)
    inside: dict[int, set[int]] = field(default_factory=dict)
    owners: list[Any] = field(default_factory=list)
    tops: set[int] = field(default_factory=set)

    def note(self, holder: Any, holds: set[int], *, is_owner: bool) -> bool:
        """Whether it matters who holds this one in turn, and was not known to."""
        if is_owner:
            self.owners.append(holder)
            self.tops.update(holds)
        if is_owner and not issubclass(type(holder), IMMUTABLE):
            return False
        known = id(holder) in self.between
        self.between[id(holder)] = holder
        self.inside.setdefault(id(holder), set()).update(holds)
        return not known


@contextmanager
def _thawed() -> Iterator[None]:
    """What `gc.freeze` has taken out of the collector's sight is seen for a while."""
    frozen = gc.get_freeze_count()
    if not frozen:
        yield
        return
    gc.unfreeze()
    try:
        yield
    finally:
        gc.collect()  # or garbage that has come since would stay for ever
        gc.freeze()


@_thawed()
def held(functions: Sequence[Function]) -> Held:
    """Where these functions stand in a limiter's modules, classes, objects and closures.

    And in those of libraries that it uses; not in those of the standard library and of what runs
    beside it, unless a limiter's holds them. A tuple, a partial or a staticmethod cannot be
    changed: the place is where that stands. Raises RefusedError where they are too many.
    """
    holders = _holders_of(functions)
    owned = _all_in(holders.tops, holders.inside) & holders.between.keys()
    immutables = [holders.between[number] for number in _inner_first(functions, holders, owned)]
    wanted = {id(one) for one in (*functions, *immutables)}
    attributes = {number for owner in holders.owners for number in _attributes(owner)}
    every = (*holders.owners, *(holders.between[number] for number in owned - attributes))
    places = tuple(place for one in every for place in _places_in(one, wanted))
    kinds = (*IMMUTABLE, *KNOWN_BY_VALUE)
    changed = tuple(one for one in every if not issubclass(type(one), kinds))
    keyed = tuple((type(one).__name__, key) for one in every for key in _keys_in(one, functions))
    return Held(places, tuple(immutables), frozenset(wanted), changed, keyed)


def _holders_of(functions: Sequence[Function]) -> _Holders:
    modules, found = _modules(), _Holders()
    level: list[Any] = list(functions)
    every: list[Any] = [functions, level]
    for _ in range(DEEP):
        below = {id(one) for one in level}
        asked = tuple(level)  # as it is handed over, which makes it a holder of all
        ours = {id(one) for one in (every, *every, *_parts(found), asked)}
        onward: list[Any] = []
        for holder in gc.get_referrers(*asked) if asked else ():
            is_owner = _is_owner(holder, modules)
            if id(holder) in ours or (not is_owner and _ends_here(holder, modules)):
                continue
            holds = below.intersection(map(id, gc.get_referents(holder)))
            if found.note(holder, holds, is_owner=is_owner):
                onward.append(holder)
        if len(onward) > MANY:
            raise RefusedError(f"more than {MANY:,} objects hold a clock: too many to look through")
        level = onward
        every.append(level)
    return found


def _inner_first(functions: Sequence[Function], holders: _Holders, owned: set[int]) -> list[int]:
    """The ids of immutables that hold a function, or one that does, each after what it holds."""
    held = {
        number: holders.inside[number]
        for number, one in holders.between.items()
        if number in owned and issubclass(type(one), IMMUTABLE)
    }
    order = TopologicalSorter({one: inside & held.keys() for one, inside in held.items()})
    wanted, found = {id(one) for one in functions}, list[int]()
    for number in order.static_order():
        if not held[number].isdisjoint(wanted):
            wanted.add(number)
            found.append(number)
    return found


def _parts(found: _Holders) -> tuple[object, ...]:
    return found.between, found.inside, found.owners, found.tops


def _modules() -> dict[int, str]:
    """The names of the modules that are imported, by the ids of their globals."""
    return {
        id(object.__getattribute__(module, "__dict__")): name  # one that loads late stays unloaded
        for name, module in list(sys.modules.items())
        if issubclass(type(module), ModuleType)
    }


def _is_owner(holder: Any, modules: Mapping[int, str]) -> bool:
    """Whether a limiter's code, or a library's that it uses, has made this."""
    if id(holder) in modules:
        return not skipped(modules[id(holder)])
    if type(holder) is FunctionType:
        return not skipped(holder.__globals__.get("__name__"))
    return not skipped(_made_in(holder))


def _ends_here(holder: Any, modules: Mapping[int, str]) -> bool:
    """Whether it does not matter who holds this one."""
    kind = type(holder)
    if kind in SUSPENDED:  # one that runs has clocks in its hand, and is done before a client runs
        frame = getattr(holder, f"{SUSPENDED[kind]}_frame")
        running = getattr(holder, f"{SUSPENDED[kind]}_running")
        return frame is None or running or runs_beside(frame.f_globals.get("__name__"))
    known = id(holder) in modules or kind is FunctionType or issubclass(kind, type)
    return known or issubclass(kind, ENDS) or runs_beside(_made_in(holder))


def _made_in(holder: Any) -> object:
    """The module of a class, or of an object's; a metaclass is not asked, which may raise."""
    of = holder if issubclass(type(holder), type) else type(holder)
    told = names_of(of).get("__module__")  # of one in C: a descriptor, or none
    return told if type(told) is str else str(type.__dict__["__module__"].__get__(of))


def _all_in(tops: Iterable[int], inside: Mapping[int, set[int]]) -> set[int]:
    """These, what they hold, and so on."""
    every, level = set(tops), set(tops)
    while level:
        level = set[int]().union(*(inside.get(one, ()) for one in level)) - every
        every |= level
    return every


def _attributes(owner: Any) -> Iterator[int]:
    """The id of the dict of a class: to write there is to go behind the back of its caches."""
    if issubclass(type(owner), type):
        yield from map(id, gc.get_referents(names_of(owner)))


def _places_in(holder: Any, wanted: set[int]) -> list[Place]:
    """Where in a holder one of these objects stands."""
    kind = type(holder)
    if issubclass(kind, IMMUTABLE):
        return []
    if issubclass(kind, type):
        named = list(names_of(holder).items())
        return [Place(holder, name) for name, one in named if id(one) in wanted]
    if kind is FunctionType:
        places = [Place(holder, "__defaults__")]
    elif kind is CellType:
        places = [Place(holder, "cell_contents")]
    else:
        places = [Place(holder, slot) for slot in _slots_of(kind)]
        places += _items_in(holder, wanted)
        with suppress(Exception):  # it has but slots, or raises when it is asked
            places += _items_in(object.__getattribute__(holder, "__dict__"), wanted)
    return [place for place in places if id(place.get()) in wanted]


def _keys_in(holder: Any, functions: Sequence[Function]) -> list[Function]:
    kind = type(holder)
    base: Any = next((one for one in KNOWN_BY_VALUE if issubclass(kind, one)), None)
    keys = set(map(id, base.__iter__(holder))) if base is not None else set[int]()
    return [one for one in functions if id(one) in keys]


def _items_in(holder: Any, wanted: set[int]) -> list[Place]:
    kind, items = type(holder), list[tuple[Any, Any]]()
    if issubclass(kind, dict):
        items = list(dict.items(holder))
    elif issubclass(kind, list):
        items = list(enumerate(list.__iter__(holder)))
    elif issubclass(kind, deque):
        items = list(enumerate(deque.__iter__(holder)))
    return [Place(holder, name) for name, one in items if id(one) in wanted]


def _slots_of(kind: type) -> Iterator[Any]:
    for one in type.mro(kind):
        for value in list(names_of(one).values()):
            if type(value) is MemberDescriptorType:
                yield value
