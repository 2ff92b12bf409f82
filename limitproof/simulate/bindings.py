"""Every place of a function, given another one for a while."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

from limitproof.simulate.holders import Held, held
from limitproof.simulate.places import Function, Place, rebuilt
from limitproof.simulate.refusal import RefusedError


@contextmanager
def rebound(fakes: Mapping[Function, Function]) -> Iterator[None]:
    """For the length of the `with`, the keys are replaced by their values wherever they are held.

    Modules that are imported meanwhile bind the fakes; these are replaced by the keys at the end.
    What has been bound anew meanwhile stays as it is. The functions are equal to their fakes, or a
    dict in which they are keys does not know those.

    Raises RefusedError where one is in something from which nobody can take it.
    """
    imported = set(sys.modules)
    changed: list[tuple[Place, Any, Any]] = []
    try:
        _swap(_known().held(tuple(fakes)), fakes, changed)
        yield
    finally:
        for place, old, put in reversed(changed):
            if place.get() is put:
                place.set(old)
        if set(sys.modules) - imported:
            back = {fake: real for real, fake in fakes.items()}
            _swap(held(tuple(back)), back, [])


class _Known:
    """What `held` found last; it looks through the whole heap, some 10 ms or more.

    As long as as many refer to each function and to each immutable that has one in it, and in all
    places is what was, nobody can have come to hold one: the places are kept alive, so none can be
    gone for another to come.
    """

    def __init__(self) -> None:
        self._found = Held()
        self._counts: tuple[int, ...] = ()

    def held(self, functions: tuple[Function, ...]) -> Held:
        """As `holders.held`. Raises RefusedError as `rebound` does."""
        if self._counted(functions) != self._counts or not self._found.is_so_still():
            self._found = Held()  # or what it holds would be counted
            found = held(functions)
            if found.closed:
                kind = type(found.closed[0]).__name__
                raise RefusedError(f"it keeps a clock in a {kind}, where it remains the real one")
            self._found = found
            del found
            self._counts = self._counted(functions)
        return self._found

    def _counted(self, functions: tuple[Function, ...]) -> tuple[int, ...]:
        return tuple(map(sys.getrefcount, (*functions, *self._found.immutables)))


@cache
def _known() -> _Known:
    return _Known()


def _swap(
    found: Held, new: Mapping[Function, Function], changed: list[tuple[Place, Any, Any]]
) -> None:
    """Put the new ones in their places, and note what was there and what is there now."""
    instead: dict[int, Any] = {id(old): one for old, one in new.items()}
    for one in found.immutables:  # what is one object stays one
        instead[id(one)] = rebuilt(one, instead)
    for place in found.places:
        old = place.get()
        if (put := instead.get(id(old), old)) is not old:
            place.set(put)
            changed.append((place, old, put))
