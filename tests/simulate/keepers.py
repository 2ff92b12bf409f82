"""What a module may keep the functions of `time` in, bound as this was imported."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, lru_cache, partial, wraps
from time import monotonic, perf_counter
from typing import Any, ClassVar, NoReturn

Clock = Callable[[], float]
CLOCKS: dict[str, Clock] = {"monotonic": monotonic, "partial": partial(monotonic)}
LISTED = [monotonic, perf_counter]
TUPLE = (monotonic, perf_counter)


class Policy:
    """Its defaults are in a class within."""

    class Defaults:
        clock: Clock = monotonic
        part = partial(monotonic)
        both: ClassVar = (monotonic, perf_counter)

        @property
        def now(self, by: Clock = monotonic) -> float:
            return by()

        @cached_property
        def once(self, by: Clock = monotonic) -> float:
            return by()

        @classmethod
        def of_class(cls, by: Clock = monotonic) -> float:
            return by()


@lru_cache(maxsize=0)
def cached(by: Clock = monotonic) -> float:
    return by()


def decorated(function: Callable[..., float]) -> Callable[..., float]:
    @wraps(function)
    def outer(*args: Any) -> float:
        return function(*args)

    return outer


@decorated
def wrapped(by: Clock = monotonic) -> float:
    return by()


def _closed_over(by: Clock) -> Clock:
    def told() -> float:
        return by()

    return told


closed_over = _closed_over(monotonic)
given = partial(wrapped, monotonic)


class Frozen(type):
    """Its classes let nobody change them, nor do they say anything."""

    def __setattr__(cls, name: str, value: object) -> NoReturn:
        raise RuntimeError(f"{name} is constant")

    def __getattribute__(cls, name: str) -> NoReturn:
        raise RuntimeError(f"{name} is secret")


class Constant(metaclass=Frozen):
    clock: Clock = monotonic


class Proxy:
    """Stands for what is not there yet, and raises at whatever it is asked."""

    def __getattribute__(self, name: str) -> NoReturn:
        raise RuntimeError(f"{name}: working outside of a request")


proxy: Any = Proxy()


def every_clock() -> dict[str, float]:
    """What each of them tells, by where it is kept; seconds."""
    policy = Policy.Defaults
    told: dict[str, float] = {
        **{f"dict {name}": by() for name, by in CLOCKS.items()},
        **{f"list {place}": by() for place, by in enumerate(LISTED)},
        **{f"tuple {place}": by() for place, by in enumerate(TUPLE)},
        **{f"tuple of a class {place}": by() for place, by in enumerate(policy.both)},
        "class within": policy.clock(), "its partial": policy.part(),
        "property": policy().now, "cached property": policy().once,
        "class method": policy.of_class(),
        "cached": cached(), "wrapped": wrapped(), "given": given(), "closed over": closed_over(),
    }  # fmt: skip
    return told
