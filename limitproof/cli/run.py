"""`limitproof run`: the main job."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from limiters.registry import REGISTRY, Target, resolve
from limitproof.cli.execute import execute
from limitproof.cli.exits import exit_of
from limitproof.cli.options import (
    TargetType,
    gather,
    load_options,
    output_options,
    place_options,
    quota_options,
)
from limitproof.expectations import verdict_of


@click.command()
@click.argument("targets", nargs=-1, type=TargetType(), metavar="[TARGET]...")
@quota_options
@load_options
@place_options
@output_options
def run(
    targets: tuple[Target, ...],
    address: str | None,
    results: Path,
    json_file: str | None,
    quiet: bool,
    verbose: bool,
    **load: Any,
) -> int:
    """Drive limiters with real load, judge them, and report: the main job.

    Without a TARGET all reference limiters and specimens run. Most of those are wrong on purpose,
    so that such a run passes when each does what is known of it: none fails a check that it is not
    known to fail, each with a known fault of its algorithm fails, and those that should hold pass.
    """
    reference = not targets
    chosen = targets or tuple(resolve(entry.name) for entry in REGISTRY)
    finished = execute(
        chosen, gather(**load), name="reference" if reference else "run", address=address,
        folder=results, json_file=json_file, quiet=quiet, verbose=verbose,
    )  # fmt: skip
    return exit_of(verdict_of(finished.judged, finished.stopped))
