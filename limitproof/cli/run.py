"""`limitproof run`: the main job."""

from __future__ import annotations

from typing import Any

import click

from limiters.registry import REGISTRY, Target, resolve
from limitproof.cli.execute import execute
from limitproof.cli.exits import exit_of
from limitproof.cli.load_options import (
    Budget,
    Outputs,
    gather,
    load_options,
    quota_options,
    with_outputs,
)
from limitproof.cli.options import TargetType
from limitproof.expectations import verdict_of


@click.command()
@click.argument("targets", nargs=-1, type=TargetType(), metavar="[TARGET]...")
@quota_options
@load_options
@click.option(
    "--explore", type=Budget(), default=3.0, show_default=True, metavar="SECONDS",
    help="For the interleavings of each limiter, at most; 0 leaves them out.",
)  # fmt: skip
@with_outputs
def run(targets: tuple[Target, ...], outputs: Outputs, **load: Any) -> int:
    """Explore limiters, drive them with real load, judge them, and report: the main job.

    Without a TARGET all reference limiters and specimens run. Most of those are wrong on purpose,
    so that such a run passes when each does what is known of it: none fails a check that it is not
    known to fail, each with a known fault of its algorithm fails, each known race shows in an
    exploration, and those that should hold pass.
    """
    reference = not targets
    chosen = targets or tuple(resolve(entry.name) for entry in REGISTRY)
    finished = execute(
        chosen, gather(**load), name="reference" if reference else "run", outputs=outputs
    )
    return exit_of(verdict_of(finished.judged, finished.stopped))
