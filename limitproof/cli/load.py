"""`limitproof load` and `limitproof memory`: real load on one limiter."""

from __future__ import annotations

from typing import Any

import click

from limiters.registry import Target
from limitproof.check.verdict import merge
from limitproof.cli.execute import execute
from limitproof.cli.exits import exit_of
from limitproof.cli.load_options import (
    Outputs,
    Rate,
    ScenarioName,
    gather,
    load_options,
    quota_options,
    with_outputs,
)
from limitproof.cli.options import Seconds, TargetType, Whole
from limitproof.suite import memory_seconds

MEMORY_CHECKS = ("contract", "memory", "expiry")


@click.command()
@click.argument("target", type=TargetType())
@quota_options
@load_options
@click.option(
    "--scenario",
    "scenarios",
    type=ScenarioName(),
    multiple=True,
    help="What to do to it; may be repeated. [default: all; see limitproof list scenarios]",
)
@click.option(
    "--seconds", type=Seconds(), help="Length of each scenario's main phase. [default: its own]"
)
@click.option(
    "--rate",
    type=Rate(),
    default="max",
    show_default=True,
    help="Requests a second of all clients, sent on schedule (open loop); max: a closed loop.",
)
@click.option("--keys", type=Whole(1, 1_000_000), help="Keys, chosen by Zipf's law.")
@with_outputs
def load(
    target: Target,
    outputs: Outputs,
    **options: Any,
) -> int:
    """Real multi-process load through Locust on one limiter.

    A chosen scenario is joined by the sequential controls (window_edge, same_instant,
    take_turns), which tell a fault of the algorithm from a race.
    """
    finished = execute([target], gather(**options), name=f"load-{target.name}", outputs=outputs)
    return exit_of(merge(one.judgement.verdict for one in finished.judged))


@click.command()
@click.argument("target", type=TargetType())
@quota_options
@load_options
@click.option(
    "--windows",
    type=Whole(4, 3600),
    default=8,
    show_default=True,
    help="Windows of traffic, 4 to 3600.",
)
@with_outputs
def memory(
    target: Target,
    windows: int,
    outputs: Outputs,
    **options: Any,
) -> int:
    """Key memory over many windows: traffic above the limit, then silence.

    One hot key, and ever new keys that are used and left. Only memory and expiry are judged.
    """
    chosen = gather(
        scenarios=("sustained", "idle"),
        seconds=max(windows * options["window"], memory_seconds(options["window"])),
        checks=MEMORY_CHECKS,
        **options,
    )
    finished = execute([target], chosen, name=f"memory-{target.name}", outputs=outputs)
    return exit_of(merge(one.judgement.verdict for one in finished.judged))
