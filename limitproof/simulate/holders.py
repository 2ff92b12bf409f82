"""Who holds a function: found from the function backwards, as the garbage collector knows it.

`cache = TTLCache(timer=time.monotonic)` at the top of a module leaves the function in an object,
where no look at the module's names finds it. The collector knows of every container what it refers
to (`gc.get_referrers`), looks through all of them in one pass, and asks nothing of any object. Nor
does what is here: `isinstance` would, and a proxy may raise at any question.
"""

from __future__ import annotations

import gc
import sys
from collections import OrderedDict, defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from types import CellType, FunctionType, MemberDescriptorType, MethodType, ModuleType
from typing import Any

from limitproof.simulate.places import Function, Place, names_of, skipped

DEEP = 6  # passes: holders of holders
CONTAINERS = frozenset(
    {dict, list, tuple, set, frozenset, deque, OrderedDict, defaultdict, CellType, partial}
    | {MethodType, staticmethod, classmethod, property}
)


@dataclass(frozen=True, slots=True)
class _Holders:
    """Who holds some objects, perhaps by way of containers.

    containers: by id, and what they hold of the objects and of each other (ids); makers: objects
    and functions of a limiter's; tops: ids of what these, and modules and classes of a limiter's,
    hold at once; of_classes: ids of what classes hold, which are the dicts of their attributes.
    """

    containers: dict[int, Any] = field(default_factory=dict)
    inside: dict[int, set[int]] = field(default_factory=dict)
    makers: list[Any] = field(default_factory=list)
    tops: set[int] = field(default_factory=set)
    of_classes: set[int] = field(default_factory=set)


def held(functions: Sequence[Function]) -> list[Place]:
    """Where these functions stand in objects, closures and containers within containers.

    Not in those of the standard library and of what runs beside the limiters; nor are the names of
    modules and classes looked through here. A tuple or a partial cannot be changed: the place is
    where that stands.
    """
    holders = _holders_of(functions)
    wanted = {id(one) for one in functions}
    for number, one in holders.containers.items():  # those within others come first
        if issubclass(type(one), (tuple, partial)) and holders.inside[number] & wanted:
            wanted.add(number)
    owned = _all_in(holders.tops, holders.inside) & holders.containers.keys()
    changeable = (holders.containers[number] for number in owned - holders.of_classes)
    return [place for one in (*holders.makers, *changeable) for place in _places_in(one, wanted)]


def _holders_of(functions: Sequence[Function]) -> _Holders:
    modules = {id(names): name for name, names in _globals()}
    found = _Holders()
    level: list[Any] = list(functions)
    for _ in range(DEEP):
        onward: list[Any] = []
        below = {id(one) for one in level}
        for holder in gc.get_referrers(*level) if level else ():
            number, holds = id(holder), below.intersection(map(id, gc.get_referents(holder)))
            if holder is level:
                continue
            if number in modules:
                found.tops.update(holds if not skipped(modules[number]) else ())
            elif type(holder) in CONTAINERS or issubclass(type(holder), tuple):
                if number not in found.containers:
                    onward.append(holder)
                found.containers[number] = holder
                found.inside.setdefault(number, set()).update(holds)
            elif _is_theirs(holder):
                found.tops.update(holds)
                if issubclass(type(holder), type):
                    found.of_classes.update(holds)
                else:
                    found.makers.append(holder)
        level = onward
    return found


def _globals() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, module in list(sys.modules.items()):
        if issubclass(type(module), ModuleType):
            yield name, object.__getattribute__(module, "__dict__")  # one that loads late is not


def _is_theirs(holder: Any) -> bool:
    """Whether a limiter's code, or a library's that it uses, has made this."""
    if type(holder) is FunctionType:
        return not skipped(holder.__globals__.get("__name__"))
    of = holder if issubclass(type(holder), type) else type(holder)
    with suppress(Exception):  # a metaclass may raise
        return not skipped(of.__module__)
    return False


def _all_in(tops: Iterable[int], inside: dict[int, set[int]]) -> set[int]:
    """These, what they hold, and so on."""
    every, level = set(tops), set(tops)
    while level:
        level = set[int]().union(*(inside.get(one, ()) for one in level)) - every
        every |= level
    return every


def _places_in(holder: Any, wanted: set[int]) -> list[Place]:
    """Where in a holder one of these objects stands."""
    if issubclass(type(holder), (tuple, partial)):
        return []
    if issubclass(type(holder), dict):
        return [Place(holder, name) for name, one in list(holder.items()) if id(one) in wanted]
    if issubclass(type(holder), list):
        return [Place(holder, number) for number, one in enumerate(holder) if id(one) in wanted]
    if type(holder) is FunctionType:
        places = [Place(holder, "__defaults__")]
    elif type(holder) is CellType:
        places = [Place(holder, "cell_contents")]
    else:
        places = [Place(holder, slot) for slot in _slots_of(type(holder))]
        with suppress(AttributeError):  # it has but slots
            attributes = object.__getattribute__(holder, "__dict__")
            places += [Place(attributes, name) for name in list(attributes)]
    return [place for place in places if id(place.get()) in wanted]


def _slots_of(kind: type) -> Iterator[Any]:
    for one in type.mro(kind):
        for value in list(names_of(one).values()):
            if type(value) is MemberDescriptorType:
                yield value
