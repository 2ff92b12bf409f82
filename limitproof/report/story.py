"""A story as a person reads it: when, who, what was sent and answered, what the limiter said, and
how much of the promise was taken by then; last the sentence that says why it is broken."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from limitproof.check.tales.acts import promise_of_story, shown_key
from limitproof.check.tales.debts import least_debt, most_debt
from limitproof.check.tales.measure import Measure
from limitproof.check.tales.words import ms
from limitproof.history.outcome import Outcome
from limitproof.report.steps import short, visible
from limitproof.schedules import letter
from limitproof.stories import (
    Again,
    Ask,
    Drop,
    Event,
    Finish,
    Forget,
    Go,
    Happening,
    Kill,
    Look,
    Lose,
    Operation,
    Skew,
    Story,
    Tale,
    Wait,
)

STYLE = {Outcome.ADMITTED: "green", Outcome.REJECTED: "red", Outcome.ERROR: "bold red"}
WORD = {Outcome.ADMITTED: "admitted", Outcome.REJECTED: "refused", Outcome.ERROR: "raises"}
FOLDED = 3  # so many like lines are one
LONGEST = 60  # characters of a command and its reply
AGAIN: Mapping[str, str] = {
    "contamination": "all of it again, but for what was refused before the last request",
    "weights": "all of it again, each admitted cost as so many single requests",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line; `alike` is what those that are told as one have in common, "" for none."""

    instant: int | None
    who: str
    what: str
    outcome: Outcome | None = None
    said: str = ""
    taken: str = ""
    alike: str = ""


def told(story: Story, tale: Tale, because: str) -> RenderableType:
    """A story with its tale as it was shown (`Tale.happenings`), and why it is a failure.

    What went the same way several times at one instant is one line.
    """
    measure = Measure.of(promise_of_story(story))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("at", justify="right", style="dim", no_wrap=True)
    table.add_column("who", no_wrap=True)
    table.add_column("does", overflow="fold")
    table.add_column("the limiter says", overflow="fold")
    table.add_column("taken before", style="dim", no_wrap=True)
    for line in folded(list(lines(story, tale, measure))):
        table.add_row(
            "" if line.instant is None else ms(line.instant), line.who, Text(line.what),
            Text(line.said, STYLE.get(line.outcome, "") if line.outcome else ""), line.taken,
        )  # fmt: skip
    return Group(
        Text(f"{measure}, {story.target}", "dim"), table, Text(f"{story.shows}: {because}")
    )


def lines(story: Story, tale: Tale, measure: Measure) -> Iterator[Line]:
    """One line an event, and one where some were not shown (`MOST_SHOWN` of verify/player.py).

    A request that nobody came between is one line as well.
    """
    act = 0
    zero = _zero(tale, 0)
    left = deque(tale.happenings)
    expected = 0  # the number of the event
    while left:
        here = left.popleft()
        if here.place > expected:
            yield Line(None, "", f"… {here.place - expected:,} events not shown")
        expected = here.place + 1
        if isinstance(here.event, Again):
            act += 1
            zero = _zero(tale, act)
            yield Line(0, "", AGAIN.get(story.shows, "all of it again, from the beginning"))
            continue
        alone = left and left[0].place == expected
        if isinstance(here.event, Ask) and alone and left[0].event == Finish(here.event.client):
            follows = left.popleft()
            expected += 1
            here = replace(follows, event=here.event, exchanges=here.exchanges + follows.exchanges)
        line = _line(here, zero)
        if line is not None:
            yield _judged(line, here.answered, tale.act(act).operations, measure)


def folded(all_lines: Sequence[Line]) -> Iterator[Line]:
    """The lines with those that are alike, one after the other, told as one."""
    for (alike, _), group in groupby(all_lines, key=lambda line: (line.alike, line.instant)):
        same = list(group)
        if not alike or len(same) < FOLDED:
            yield from same
            continue
        first, last = same[0], same[-1]
        who = ", ".join(sorted({line.who for line in same}))
        said = first.said if first.said == last.said else f"{first.said} … {last.said}"
        taken = first.taken if first.taken == last.taken else f"{first.taken} … {last.taken}"
        what = f"{first.what.partition(':')[0]}, {len(same)} times"
        yield replace(first, who=who, what=what, said=said, taken=taken)


def _line(here: Happening, zero: int) -> Line | None:
    event, instant = here.event, here.instant - zero
    what = _what(event)
    if what is None:
        return None
    client = _client(event)
    whole = isinstance(event, Ask) and here.answered is not None
    sent = _names(here) if whole else _exchanged(here)
    what = ": ".join(part for part in (what, sent) if part)
    return Line(instant, "" if client is None else letter(client), what)


def _judged(
    line: Line, one: Operation | None, operations: Sequence[Operation], measure: Measure
) -> Line:
    """The line of an event in which a request ended: what was said, and what was taken then."""
    if one is None:
        return line
    shelf = [other for other in operations if other.key == one.key and other != one]
    most, least = most_debt(one, shelf, measure), least_debt(one, shelf, measure)
    figure = f"{least:.4g}" if least == most else f"{min(least, most):.4g} to {most:.4g}"
    return replace(
        line, outcome=one.outcome, said=_said(one), taken=f"{figure} of {measure.limit:g}",
        alike=f"{one.outcome} {one.cost} {one.key} {line.what}" if line.what[:3] == "ask" else "",
    )  # fmt: skip


def _said(one: Operation) -> str:
    if one.outcome is Outcome.ERROR:
        return f"raises {visible(one.error)}"
    told = [WORD.get(one.outcome, "nothing")]
    if one.decision is not None and one.decision.remaining is not None:
        told.append(f"{one.decision.remaining} left")
    if (
        one.decision is not None
        and one.decision.retry_after is not None
        and not one.decision.allowed
    ):
        told.append(f"wait {one.decision.retry_after} s")
    return ", ".join(told)


def _what(event: Event) -> str | None:
    match event:
        case Ask(_, key, cost):
            asked = "asks" if key == "k" else f"asks for {shown_key(key)}"
            return asked if cost is None else f"{asked} at a cost of {cost}"
        case Go():
            return ""
        case Finish():
            return "goes on to the end"
        case Kill():
            return "dies"
        case Lose():
            return "gets no reply, it is lost"
        case Drop():
            return "sends what is lost"
        case Forget():
            return "(the server forgets all scripts)"
        case Skew(_, microseconds):
            return f"has a clock that is {ms(microseconds)} off"
        case Look() | Again() | Wait():  # the next line tells how late it is
            return None


def _names(here: Happening) -> str:
    """The commands by their names alone."""
    commands = [command for sent, _ in here.exchanges for command in sent]
    return ", ".join(_cut(command.partition(" ")[0].lstrip("<")) for command in commands)


def _exchanged(here: Happening) -> str:
    return "\n".join(
        _cut(f"{short(command)} → {short(reply)}")
        for sent, replies in here.exchanges
        for command, reply in zip(sent, replies, strict=False)
    )


def _cut(text: str) -> str:
    text = visible(text)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _client(event: Event) -> int | None:
    client: int | None = getattr(event, "client", None)
    return client


def _zero(tale: Tale, act: int) -> int:
    first = [one.begun for one in tale.operations if one.act == act]
    return min(first, default=tale.happenings[0].instant if tale.happenings else 0)
