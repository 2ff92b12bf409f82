"""Options that several commands share, checked while they are read.

What only load takes is in `load_options`: a command of the simulation is to start at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any, TypeVar

import click

from limiters.contract import Quota
from limiters.registry import Target, TargetError, resolve
from limitproof.in_time import in_time
from limitproof.promises import parse_promise

F = TypeVar("F", bound=Callable[..., Any])
MOST_MILLISECONDS = 366 * 86_400_000.0  # by which clocks differ, or requests are apart: a year
LEAST_WINDOW, MOST_WINDOW = 0.001, 366 * 86_400.0  # no limiter's clock tells less apart; a year


class Whole(click.ParamType[int]):
    """A whole number within bounds."""

    name = "n"

    def __init__(self, least: int, most: int | None = None) -> None:
        self._least, self._most = least, most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            number = int(str(value))
        except ValueError:
            number = None
        if number is None or number < self._least or (self._most and number > self._most):
            most = f" and at most {self._most}" if self._most else ""
            self.fail(f"{value!r} is no whole number of at least {self._least}{most}", param, ctx)
        return number


class Seconds(click.ParamType[float]):
    """A length of time in seconds: a finite number above 0, `s` allowed behind it."""

    name = "seconds"

    def __init__(self, least: float = 0.0, most: float = math.inf) -> None:
        self._least, self._most = least, most

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        try:
            number = float(str(value).removesuffix("s"))
        except ValueError:
            number = math.nan
        if not math.isfinite(number) or number <= 0:
            self.fail(f"{value!r} is no number of seconds above 0", param, ctx)
        if not self._least <= number <= self._most:
            self.fail(f"{value!r} is not within {self._least:g} and {self._most:g} s", param, ctx)
        return number


class Milliseconds(click.ParamType[int]):
    """A number of milliseconds, `ms` allowed behind it; whole microseconds are what it gives."""

    name = "ms"

    def __init__(self, least: float = -math.inf) -> None:
        self._least = least

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            number = float(str(value).removesuffix("ms"))
        except ValueError:
            number = math.nan
        if not abs(number) <= MOST_MILLISECONDS or number < self._least:
            least = "" if self._least < 0 else f" of at least {self._least:g}"
            self.fail(f"{value!r} is no number of milliseconds{least}", param, ctx)
        return round(number * 1000)


class TargetType(click.ParamType[Target]):
    """A limiter: a registered name, package.module:factory or path/to/file.py:factory."""

    name = "target"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Target:
        if isinstance(value, Target):
            return value
        try:
            with in_time():
                return resolve(value)
        except TargetError as error:
            self.fail(str(error), param, ctx)


def together(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Several options as one decorator, in the order of the help."""
    return lambda function: reduce(lambda f, option: option(f), reversed(options), function)


def listed(values: tuple[str, ...]) -> tuple[str, ...]:
    """The names of an option that may be given several times, each time with commas."""
    return tuple(name.strip() for value in values for name in value.split(",") if name.strip())


def checked_promise(text: str | None, quota: Quota) -> None:
    """Raises click.UsageError for what is no promise."""
    try:
        if text is not None:
            parse_promise(text, quota)
    except ValueError as error:
        raise click.UsageError(f"--promise: {error}") from error


window_option = click.option(
    "--window", type=Seconds(LEAST_WINDOW, MOST_WINDOW), default=1.0,
    show_default=True, help="Seconds.",
)  # fmt: skip
virtual_option = click.option(
    "--redis", "address", metavar="spawn|spawn:PROGRAM",
    help="The server program. [default: the embedded one]",
)  # fmt: skip
promise_option = click.option(
    "--promise",
    metavar="PROMISE",
    help="sliding, fixed, token or token:RATE:BURST instead of what the limiter declares.",
)
results_option = click.option(
    "--results", type=click.Path(file_okay=False, path_type=Path), default=Path("results"),
    show_default=True, help="Folder for the run.",
)  # fmt: skip
output_options = together(
    click.option(
        "--json",
        "json_file",
        type=click.Path(dir_okay=False, allow_dash=True),
        metavar="FILE",
        help="Write the verdict as JSON; - for standard output, and nothing else there.",
    ),
    click.option("-q", "--quiet", is_flag=True, help="The verdict only."),
    click.option("-v", "--verbose", is_flag=True, help="Every check of every limiter."),
)
