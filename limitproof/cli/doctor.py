"""`limitproof doctor`: is everything here that the suite needs?"""

from __future__ import annotations

import os

import click

from limitproof.check.verdict import Verdict, merge
from limitproof.cli.exits import Exit
from limitproof.report.console import console_for, styled
from limitproof.report.table import wrapping_table
from limitproof.servers.doctor import examine


@click.command()
@click.option("--redis", "address", metavar="spawn|spawn:PROGRAM|URL", help="Where Redis is.")
def doctor(address: str | None) -> int:
    """Look whether Redis, Lua, the virtual clock, cores and Locust are there."""
    findings = examine(address, os.environ)
    table = wrapping_table("what", "", "found", "what to do")
    for finding in findings:
        table.add_row(finding.name, styled(finding.verdict), finding.detail, finding.advice)
    console_for().print(table)
    failed = merge(finding.verdict for finding in findings) is Verdict.FAIL
    return Exit.ENVIRONMENT if failed else Exit.PASS
