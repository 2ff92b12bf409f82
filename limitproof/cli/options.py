"""Options that several commands share, checked while they are read."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce, wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from limiters.contract import Quota
from limiters.registry import Target, TargetError, resolve
from limitproof.promises import parse_promise
from limitproof.suite import LoadOptions
from scenarios.catalogue import scenario

F = TypeVar("F", bound=Callable[..., Any])
MOST_CLIENTS = 1000  # connections in all, so that a slip of the finger is no denial of service
MOST_SECONDS = 3600.0
MOST_MILLISECONDS = 366 * 86_400_000.0  # by which clocks differ, or requests are apart: a year
MOST_REQUESTS = 10**9  # in a window: what is counted must fit the columns of a history
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


class Budget(Seconds):
    """Seconds to spend, or 0 for not at all."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        return 0.0 if str(value) in ("0", "0.0") else super().convert(value, param, ctx)


class Rate(click.ParamType[float | str]):
    """Requests a second, or `max` for a closed loop."""

    name = "R|max"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | str:
        if value == "max":
            return "max"
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number) or number <= 0:
            self.fail(
                f"{value!r} is neither a number of requests a second above 0 nor max", param, ctx
            )
        return number


class TargetType(click.ParamType[Target]):
    """A limiter: a registered name, package.module:factory or path/to/file.py:factory."""

    name = "target"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Target:
        if isinstance(value, Target):
            return value
        try:
            return resolve(value)
        except TargetError as error:
            self.fail(str(error), param, ctx)


class ScenarioName(click.ParamType[str]):
    """The name of a scenario."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return scenario(value).name
        except ValueError as error:
            self.fail(str(error), param, ctx)


def _together(*options: Callable[[F], F]) -> Callable[[F], F]:
    return lambda function: reduce(lambda f, option: option(f), reversed(options), function)


quota_options = _together(
    click.option(
        "--limit",
        type=Whole(1, MOST_REQUESTS),
        default=10,
        show_default=True,
        help="Requests a window.",
    ),
    click.option(
        "--window",
        type=Seconds(LEAST_WINDOW, MOST_WINDOW),
        default=1.0,
        show_default=True,
        help="Seconds.",
    ),
)
load_options = _together(
    click.option(
        "--processes", type=Whole(1, 64), default=2, show_default=True,
        help="Locust processes.",
    ),
    click.option(
        "--clients", type=Whole(1, MOST_CLIENTS), default=8, show_default=True,
        help="Clients a process, each with a connection of its own.",
    ),
    click.option("--seed", type=int, default=0, show_default=True, help="Of every random choice."),
    click.option(
        "--promise", metavar="PROMISE",
        help="sliding, fixed, token or token:RATE:BURST instead of what the limiter declares.",
    ),
)  # fmt: skip
results_option = click.option(
    "--results", type=click.Path(file_okay=False, path_type=Path), default=Path("results"),
    show_default=True, help="Folder for the run.",
)  # fmt: skip
place_options = _together(
    click.option(
        "--redis", "address", metavar="spawn|spawn:PROGRAM|URL",
        help="Where Redis is. [default: LIMITPROOF_REDIS_URL, else the embedded server]",
    ),
    results_option,
)  # fmt: skip
output_options = _together(
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


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where a run takes place and what it shows: the options of `with_outputs`.

    address: of Redis, None for the default; results: the folder of all runs; json_file: None for
    none, "-" for standard output.
    """

    address: str | None
    results: Path
    json_file: str | None
    quiet: bool
    verbose: bool


def with_outputs(function: Callable[..., int]) -> Callable[..., int]:
    """Give a command the options of place and output, as one argument `outputs`."""

    @place_options
    @output_options
    @wraps(function)
    def command(
        address: str | None,
        results: Path,
        json_file: str | None,
        quiet: bool,
        verbose: bool,
        **others: Any,
    ) -> int:
        outputs = Outputs(address, results, json_file, quiet, verbose)
        return function(outputs=outputs, **others)

    return command


def gather(
    *,
    limit: int,
    window: float,
    processes: int,
    clients: int,
    seed: int,
    promise: str | None,
    scenarios: tuple[str, ...] = (),
    seconds: float | None = None,
    rate: float | str | None = None,
    keys: int | None = None,
    checks: tuple[str, ...] = (),
    explore: float = 0.0,
) -> LoadOptions:
    """Options of a load run. Raises click.UsageError for those that make no sense together."""
    quota = Quota(limit, window)
    if promise is not None:
        try:
            parse_promise(promise, quota)
        except ValueError as error:
            raise click.UsageError(f"--promise: {error}") from error
    if processes * clients > MOST_CLIENTS:
        raise click.UsageError(
            f"--processes {processes} times --clients {clients} is {processes * clients} "
            f"connections; at most {MOST_CLIENTS}"
        )
    if seconds is not None and seconds > MOST_SECONDS:
        raise click.UsageError(f"--seconds {seconds:g} is more than an hour; at most 3600")
    return LoadOptions(
        quota=quota,
        processes=processes,
        clients=clients,
        seed=seed,
        scenarios=scenarios,
        seconds=seconds,
        rate=rate if isinstance(rate, float) else None,
        keys=keys,
        promise=promise,
        checks=checks,
        explore=explore,
    )
