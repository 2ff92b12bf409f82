"""A run in columns: one a client, in the server's order, with the keys beside them."""

from __future__ import annotations

import re

from rich.table import Table
from rich.text import Text

from limitproof.history.columns import Outcome
from limitproof.schedules import Run, Step

STYLE = {Outcome.ADMITTED: "green", Outcome.REJECTED: "red", Outcome.ERROR: "bold red"}


def columns(run: Run) -> Table:
    """Only clients that took a step have a column; `→` is the reply, `=>` the decision.

    A move of the clock has a line of its own.
    """
    clients = run.clients
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    table.add_column("", justify="right", style="dim")
    for client in clients:
        table.add_column(_letter(client), overflow="fold")
    table.add_column("keys after it", style="dim", overflow="fold")
    for number, step in enumerate(run.steps, start=1):
        if step.moved:
            passed = Text(f"clock + {step.moved / 1000:g} ms", "bold cyan")
            blank = [Text()] * (len(clients) - 1)
            table.add_row(str(number), passed, *blank, Text(_short(step.state)))
            continue
        cells = [_cell(step) if step.client == client else Text() for client in clients]
        table.add_row(str(number), *cells, Text(_short(step.state)))
    return table


def _cell(step: Step) -> Text:
    text = Text()
    for command, reply in zip(step.commands, step.replies, strict=False):
        text.append(f"{_short(command)} → {_short(reply)}\n")
    if step.answered is not None:
        text.append(f"=> {step.answered.name.lower()}", STYLE.get(step.answered, ""))
    text.rstrip()
    return text


def _short(text: str) -> str:
    """Names that a limiter draws at random are cut: dd2fec9ae405477a9265e1775c5a50f6 is dd2f…"""
    return re.sub(r"(?<![0-9a-f])(?=[0-9]*[a-f])([0-9a-f]{4})[0-9a-f]{12,}", r"\1…", text)


def _letter(client: int) -> str:
    return chr(ord("A") + client) if client < 26 else f"C{client}"
