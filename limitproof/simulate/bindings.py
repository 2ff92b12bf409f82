"""Every place of a function, given another one for a while."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from limitproof.simulate.holders import Held, held, nearest
from limitproof.simulate.places import Function, Place, rebuilt


@contextmanager
def rebound(fakes: Mapping[Function, Function]) -> Iterator[None]:
    """For the length of the `with`, the keys are replaced by their values wherever they are held.

    Modules that are imported meanwhile bind the fakes; these are replaced by the keys at the end.
    What has been bound anew meanwhile stays as it is. The functions are equal to their fakes, or a
    dict in which they are keys does not know those.
    """
    imported = set(sys.modules)
    changed: list[tuple[Place, Any, Any]] = []
    try:
        functions = tuple(fakes)
        _swap(_held(nearest(fakes), functions), fakes, changed)
        yield
    finally:
        for place, old, put in reversed(changed):
            if place.get() is put:
                place.set(old)
        if set(sys.modules) - imported:
            back = {fake: real for real, fake in fakes.items()}
            _swap(held(tuple(back)), back, [])


@lru_cache(maxsize=1)
def _held(_nearest: tuple[int, ...], functions: tuple[Function, ...]) -> Held:
    """Looked for once, as long as the same objects hold these functions."""
    return held(functions)


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
