"""`limitproof list`: what there is."""

from __future__ import annotations

from collections.abc import Sequence

import click
from rich.table import Table

from limiters.registry import OTHERS, REGISTRY, Entry
from limitproof.check.interleavings import ORDERS
from limitproof.check.judge import CHECKS
from limitproof.report.console import console_for
from limitproof.report.table import wrapping_table
from scenarios.catalogue import SCENARIOS

EXPLORED = ("overshoot", "false-rejection", "contract", "linearizable")
MORE = {
    "linearizable": ORDERS,
    "weights": "a request at a cost of n counts as n",
    "isolation": "keys do not touch each other, whatever they are called",
    "crash": "a client that dies between two commands spoils no key",
    "lost-reply": "a reply that is lost debits one request at most",
    "clock-skew": "clients whose clocks are apart are treated alike",
    "cluster": "every key that is touched is declared, and in one slot",
    "script-flush": "it goes on when the server has forgotten its scripts",
}
LATER = "restart and outage need real processes that end, and come later: nothing makes them yet."


@click.command(name="list")
@click.argument("what", type=click.Choice(["limiters", "scenarios", "checks"]))
def listing(what: str) -> None:
    """List limiters, scenarios or checks."""
    if what == "limiters":
        console_for().print(_limiters(REGISTRY))
        console_for().print("\nOther kinds, judged when they are named:\n")
        table = _limiters(OTHERS)
    elif what == "scenarios":
        table = wrapping_table("name", "what is done", "checks")
        for scenario in SCENARIOS:
            table.add_row(scenario.name, scenario.summary, ", ".join(scenario.checks))
    else:
        console_for().print(_checks())
        console_for().print(f"\n{LATER}")
        return
    console_for().print(table)


def _checks() -> Table:
    """Every check, and the commands that make it; in the order of `limitproof verify`."""
    from limitproof.verify.units import named  # it takes half a second, and only this needs it

    loaded = {check.name: check.description for check in CHECKS}
    verified = named()
    table = wrapping_table("name", "what it judges", "made by")
    for name in dict.fromkeys((*verified, *loaded)):
        said = loaded.get(name) or MORE[name]
        made = [
            command
            for command, makes in (
                ("verify", name in verified),
                ("run", name in loaded or name in EXPLORED),
                ("load", name in loaded),
                ("explore", name in EXPLORED),
            )
            if makes
        ]
        table.add_row(name, said, ", ".join(made))
    return table


def _limiters(entries: Sequence[Entry]) -> Table:
    judged = {check.name for check in CHECKS}
    table = wrapping_table("name", "written by", "what is wrong", "fails")
    for entry in entries:
        known = [(name, cause) for name, cause in entry.fails.items() if name in judged]
        fails = ", ".join(f"{name} ({cause})" for name, cause in known)
        table.add_row(entry.name, entry.written_by, entry.summary, fails or "-")
    return table
