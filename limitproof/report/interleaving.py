"""A run in columns: one a client, in the server's order, with the keys beside them."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from limitproof.history.outcome import Outcome
from limitproof.report.steps import clock_moved, drawn, short, visible
from limitproof.schedules import Run, Step, letter

MOST_STEPS = 500
MOST_COLUMNS = 6  # clients side by side; of more, each step is told with its client's letter
STYLE = {Outcome.ADMITTED: "green", Outcome.REJECTED: "red", Outcome.ERROR: "bold red"}


def columns(run: Run, *, most: int = MOST_STEPS) -> Table:
    """Only clients that took a step have a column; `→` is the reply, `=>` the decision.

    A move of the clock has a line of its own. Where there are too many for a screen's width, all
    share a column. most: steps shown, of which the last third are the run's last.
    """
    first, last = drawn(len(run.steps), most)
    shown = [*first, *last]
    clients = sorted({step.client for n in shown if not (step := run.steps[n]).moved})
    crowded = len(clients) > MOST_COLUMNS
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    table.add_column("", justify="right", style="dim")
    for head in ["who", "sends → is told"] if crowded else map(letter, clients):
        table.add_column(head, overflow="fold")
    table.add_column("keys after it", style="dim", overflow="fold")
    for number in shown:
        step = run.steps[number]
        state = Text(visible(short(step.state)))
        what = Text(clock_moved(step), "bold cyan") if step.moved else _cell(step)
        if crowded:
            cells = [Text("" if step.moved else letter(step.client)), what]
        else:
            place = 0 if step.moved else clients.index(step.client)
            cells = [what if one == place else Text() for one in range(len(clients))]
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
