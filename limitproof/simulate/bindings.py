"""Every place of a function, given another one for a while."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import BuiltinFunctionType
from typing import Any

from limitproof.simulate.holders import IMMUTABLE, Held, held
from limitproof.simulate.places import Function, Place, rebuilt, skipped
from limitproof.simulate.refusal import RefusedError


class Known:
    """What `holders.held` found last for one limiter; it looks through the whole heap, 20 ms or so.

    It is so still as long as as many as then refer to each function and each immutable that has one
    in it, and in all places is what was. Two that cancel out (a list goes that had a clock in it,
    and an object comes that has one) are told apart only by looking again: a limiter that is
    examined anew is given another of these.
    """

    def __init__(self) -> None:
        self._found = Held()
        self._counts: tuple[int, ...] | None = None

    def held(self, functions: tuple[Function, ...]) -> Held:
        """As `holders.held`."""
        if self._counted(functions) != self._counts or not self._found.is_so_still():
            self.forget()  # what it holds would be counted, too
            self._found = held(functions)
            self._counts = self._counted(functions)
        return self._found

    def forget(self) -> None:
        """Look again the next time, and hold nothing until then."""
        self._found, self._counts = Held(), None

    def _counted(self, functions: tuple[Function, ...]) -> tuple[int, ...]:
        return tuple(map(sys.getrefcount, (*functions, *self._found.immutables)))


@contextmanager
def rebound(fakes: Mapping[Function, Function], known: Known) -> Iterator[None]:
    """For the length of the `with`, the keys are replaced by their values wherever they are held.

    Modules that are imported meanwhile bind the fakes; these are replaced by the keys at the end.
    What has been bound anew meanwhile stays as it is. The functions are equal to their fakes, or a
    dict in which they are keys does not know those. known: what has been found before.

    Raises RefusedError where a clock is in something from which nobody can take it.
    """
    imported = set(sys.modules)
    changed: list[tuple[Place, Any, Any]] = []
    try:
        found = known.held(tuple(fakes))
        _swap(found, fakes, changed)
        if refusal := _stays(found) or _runs(tuple(fakes)):
            known.forget()
            raise refusal
        yield
    finally:
        for place, old, put in reversed(changed):
            if place.get() is put:
                place.set(old)
        if set(sys.modules) - imported:
            back = {fake: real for real, fake in fakes.items()}
            _swap(held(tuple(back)), back, [])


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


def _stays(found: Held) -> RefusedError | None:
    """What to refuse the limiter with where a clock is still in what has been given another."""
    kept = [
        (type(holder).__name__, one)
        for holder in found.holders
        for one in gc.get_referents(holder)
        if id(one) in found.wanted
    ]
    for kind, one in (*kept, *found.keyed):
        if clock := _clock_in(one):
            return RefusedError(f"time.{clock} is kept in a {kind}, where it stays the real one")
    return None


def _runs(functions: tuple[Function, ...]) -> RefusedError | None:
    """What to refuse the limiter with where a thread that runs has a clock in its hand."""
    wanted, frames = {id(one) for one in functions}, sys._current_frames()
    frames.pop(threading.get_ident())  # a frame that held itself would keep all that is here
    for frame in frames.values():
        while frame is not None:
            if not skipped(frame.f_globals.get("__name__")):
                for one in frame.f_locals.values():
                    if id(one) in wanted and (clock := _clock_in(one)):
                        return RefusedError(f"time.{clock} is kept in a thread that runs")
            frame = frame.f_back  # type: ignore[assignment]
    return None


def _clock_in(one: Any) -> str:
    """The name of a function of `time`: this one, or one in an immutable; "" if there is none."""
    if issubclass(type(one), IMMUTABLE):
        return next(filter(None, map(_clock_in, gc.get_referents(one))), "")
    is_clock = type(one) is BuiltinFunctionType and one.__module__ == "time"
    return str(one.__name__) if is_clock else ""
