"""Options of the commands that drive a limiter with real load, and what they choose."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import click

from limiters.contract import Quota
from limitproof.cli.options import (
    Seconds,
    Whole,
    checked_promise,
    output_options,
    promise_option,
    results_option,
    together,
    window_option,
)
from limitproof.suite import LoadOptions
from scenarios.catalogue import scenario

MOST_CLIENTS = 1000  # connections in all, so that a slip of the finger is no denial of service
MOST_SECONDS = 3600.0
MOST_REQUESTS = 10**9  # in a window: what is counted must fit the columns of a history


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


class ScenarioName(click.ParamType[str]):
    """The name of a scenario."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return scenario(value).name
        except ValueError as error:
            self.fail(str(error), param, ctx)


quota_options = together(
    click.option(
        "--limit",
        type=Whole(1, MOST_REQUESTS),
        default=10,
        show_default=True,
        help="Requests a window.",
    ),
    window_option,
)
load_options = together(
    click.option(
        "--processes", type=Whole(1, 64), default=2, show_default=True,
        help="Locust processes.",
    ),
    click.option(
        "--clients", type=Whole(1, MOST_CLIENTS), default=8, show_default=True,
        help="Clients a process, each with a connection of its own.",
    ),
    click.option("--seed", type=int, default=0, show_default=True, help="Of every random choice."),
    promise_option,
)  # fmt: skip
place_options = together(
    click.option(
        "--redis", "address", metavar="spawn|spawn:PROGRAM|URL",
        help="Where Redis is. [default: LIMITPROOF_REDIS_URL, else the embedded server]",
    ),
    results_option,
)  # fmt: skip


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
    checked_promise(promise, quota)
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
