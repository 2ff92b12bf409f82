"""`limitproof list`: what there is."""

from __future__ import annotations

import click
from rich.table import Table

from limiters.registry import REGISTRY
from limitproof.check.judge import CHECKS
from limitproof.report.console import console_for
from scenarios.catalogue import SCENARIOS


@click.command(name="list")
@click.argument("what", type=click.Choice(["limiters", "scenarios", "checks"]))
def listing(what: str) -> None:
    """List limiters, scenarios or checks."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    if what == "limiters":
        for heading in ("name", "family", "written by", "what is wrong", "fails"):
            table.add_column(heading, overflow="fold")
        for entry in REGISTRY:
            fails = ", ".join(f"{name} ({cause})" for name, cause in entry.fails.items())
            table.add_row(
                entry.name, entry.family or "-", entry.written_by, entry.summary, fails or "-"
            )
    elif what == "scenarios":
        for heading in ("name", "what is done", "checks"):
            table.add_column(heading, overflow="fold")
        for scenario in SCENARIOS:
            table.add_row(scenario.name, scenario.summary, ", ".join(scenario.checks))
    else:
        for heading in ("name", "what it judges"):
            table.add_column(heading, overflow="fold")
        for check in CHECKS:
            table.add_row(check.name, check.description)
    console_for().print(table)
