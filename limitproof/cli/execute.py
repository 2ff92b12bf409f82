"""Running the suite for a command: server, folder, listeners, Ctrl-C."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click

from limiters.registry import Target
from limitproof import results, suite
from limitproof.events import Event, Listener, RunFinished
from limitproof.report.console import console_for
from limitproof.report.html import HtmlReport
from limitproof.report.json_file import JsonFile
from limitproof.report.terminal import Terminal
from limitproof.servers.server import open_server


def execute(
    targets: Sequence[Target],
    options: suite.LoadOptions,
    *,
    name: str,
    address: str | None,
    folder: Path,
    json_file: str | None,
    quiet: bool,
    verbose: bool,
) -> RunFinished:
    """Drive and judge the targets, with all the outputs of a command; what came of it."""
    terminal = Terminal(
        console_for(stderr=json_file == "-"), quiet=quiet, verbose=verbose, single=len(targets) == 1
    )
    with open_server(address, os.environ) as server, interruptible() as stop:
        run_folder = results.new_folder(folder, name)
        listeners: list[Listener] = [HtmlReport(), JsonFile(json_file), terminal]
        last: Event | None = None
        with terminal:
            for event in suite.run(targets, options, server, run_folder, stop=stop):
                last = event
                for listener in listeners:
                    listener.handle(event)
    if not isinstance(last, RunFinished):
        raise click.ClickException("the run ended without a word")
    return last


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """A function that turns true on the first Ctrl-C; a second one stops at once."""
    asked = False

    def ask(_signal: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        sys.stderr.write("\nstopping; what was recorded will be judged (Ctrl-C again to drop it)\n")

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, before)
