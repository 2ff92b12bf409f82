"""A run in columns: one a client, in the server's order, with the keys beside them."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from limitproof.history.outcome import Outcome
from limitproof.report.steps import clock_moved, drawn, short, visible
from limitproof.schedules import Run, Step, letter

MOST_STEPS = 500
STYLE = {Outcome.ADMITTED: "green", Outcome.REJECTED: "red", Outcome.ERROR: "bold red"}


def columns(run: Run, *, most: int = MOST_STEPS) -> Table:
    """Only clients that took a step have a column; `→` is the reply, `=>` the decision.

    A move of the clock has a line of its own. most: steps shown, of which the last third are the
    run's last.
    """
    first, last = drawn(len(run.steps), most)
    shown = [*first, *last]
    clients = sorted({step.client for n in shown if not (step := run.steps[n]).moved})
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    table.add_column("", justify="right", style="dim")
    for client in clients:
        table.add_column(letter(client), overflow="fold")
    table.add_column("keys after it", style="dim", overflow="fold")
    for number in shown:
        step = run.steps[number]
        state = Text(visible(short(step.state)))
        if step.moved:
            passed = Text(clock_moved(step), "bold cyan")
            blank = [Text()] * (len(clients) - 1)
            table.add_row(str(number + 1), passed, *blank, state)
            continue
        cells = [_cell(step) if step.client == client else Text() for client in clients]
        table.add_row(str(number + 1), *cells, state)
    return table


def _cell(step: Step) -> Text:
    text = Text()
    for command, reply in zip(step.commands, step.replies, strict=False):
        text.append(f"{visible(short(command))} → {visible(short(reply))}\n")
    if step.answered is not None:
        text.append(f"=> {step.answered.name.lower()}", STYLE.get(step.answered, ""))
    text.rstrip()
    return text
