"""Running the suite for a command: server, folder, listeners, Ctrl-C."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click

from limiters.registry import Target
from limitproof import results, suite
from limitproof.cli.interrupt import interruptible
from limitproof.cli.load_options import Outputs
from limitproof.events import Event, Listener, RunFinished
from limitproof.report.console import console_for
from limitproof.report.json_listener import JsonFile
from limitproof.report.run_html import HtmlReport
from limitproof.report.terminal import Terminal
from limitproof.servers.find import Program, choose
from limitproof.servers.server import open_server


def execute(
    targets: Sequence[Target],
    options: suite.LoadOptions,
    *,
    name: str,
    outputs: Outputs,
) -> RunFinished:
    """Drive and judge the targets, with all the outputs of a command; what came of it."""
    terminal = Terminal(
        console_for(stderr=outputs.json_file == "-"), quiet=outputs.quiet,
        verbose=outputs.verbose, single=len(targets) == 1,
    )  # fmt: skip
    program = _own_program(outputs.address)
    with open_server(outputs.address, os.environ) as server, interruptible() as stop:
        run_folder = results.new_folder(outputs.results, name)
        listeners: list[Listener] = [HtmlReport(), JsonFile(outputs.json_file), terminal]
        last: Event | None = None
        with terminal:
            for event in suite.run(
                targets, options, server, run_folder, stop=stop, program=program
            ):
                last = event
                for listener in listeners:
                    listener.handle(event)
    if not isinstance(last, RunFinished):
        raise click.ClickException("the run ended without a word")
    return last


def _own_program(address: str | None) -> Path | None:
    """The server program that the user chose; None for the default, as for a running server."""
    chosen = choose(address, os.environ)
    return chosen.path if isinstance(chosen, Program) else None
