"""What stands for a function of the standard library while a limiter is simulated."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

Place = tuple[ModuleType, str]
"""A module, and a name in it."""


class Fake:
    """A function that tells a client something else than the real one; until `end`.

    place: where the real one is; told: what it does instead, where `applies`, which is asked with
    the same arguments. It is equal to the real one: a dict in which that is a key knows it. After
    `end` it does what its place's name stands for by then: somebody may have kept it.
    """

    def __init__(
        self, place: Place, told: Callable[..., Any], applies: Callable[..., bool]
    ) -> None:
        self.place = place
        self.real: Callable[..., Any] = getattr(*place)
        self.__name__ = self.__qualname__ = place[1]
        self._told, self._applies = told, applies
        self._over = False

    def __call__(self, *asked: Any) -> Any:
        if self._over:
            return getattr(*self.place)(*asked)
        return self._told(*asked) if self._applies(*asked) else self.real(*asked)

    def __eq__(self, other: object) -> bool:
        return other is self or other is self.real

    def __hash__(self) -> int:
        return hash(self.real)

    def end(self) -> None:
        """The real one is back in its place."""
        self._over = True
