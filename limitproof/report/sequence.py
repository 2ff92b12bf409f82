"""A run as a sequence diagram in SVG: clients, Redis, and the keys beside them.

The colours are those of the page (classes of report.css), so that it follows the page's theme.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

from limitproof.history.outcome import Outcome
from limitproof.report.steps import clock_moved, drawn, fold, short, visible
from limitproof.schedules import Run, Step, letter

MOST_STEPS = 40  # drawn of one run
MOST_COMMANDS = 6  # of one packet
MOST_FULL = 2000  # characters of a text that is shown in full on hovering
CHARACTER = 6.7  # units a character of the monospaced font takes, at most
LINE, HEAD, FOOT, GAP = 14, 40, 12, 12  # heights
LEFT, WIDE, NARROW = 34, 82, 44  # of the first lane, and the distance of two
MANY = 8  # clients beyond which lanes are narrow and decisions are signs only
SAID, STATE = 350, 390  # widths for what is sent, for the keys
ASIDE = 32  # from Redis' lifeline to the keys
NO_KEY = "(no key)"
MARKS = {Outcome.ADMITTED: "✓", Outcome.REJECTED: "✗", Outcome.ERROR: "!"}


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A drawn step: from its first arrow to its end, and where the next one may begin."""

    svg: str
    begun: float
    ended: float
    below: float


@dataclass(frozen=True, slots=True)
class _Bar:
    """How long a request lasts on the drawing; `decided` when it is over."""

    client: int
    begun: float
    ended: float
    decided: bool


@dataclass(frozen=True, slots=True)
class _Lanes:
    """Where the lifelines are."""

    clients: tuple[int, ...]

    @property
    def apart(self) -> int:
        return WIDE if len(self.clients) <= MANY else NARROW

    def x(self, client: int) -> float:
        return LEFT + self.apart * (self.clients.index(client) + 0.5)

    @property
    def said(self) -> float:
        return LEFT + self.apart * len(self.clients) + 4

    @property
    def server(self) -> float:
        return self.said + SAID

    @property
    def width(self) -> float:
        return self.server + STATE


def sequence(
    run: Run, *, name: str, title: str, about: str = "", most: int = MOST_STEPS, full: bool = True
) -> str:
    """The SVG as text, for a page that has report.css.

    name: distinguishes it from others on the page; title and about: what a reader is told who
    does not see it; most: steps drawn, of which the last third are the run's last; full: long
    texts are shown whole on hovering.
    """
    first, last = drawn(len(run.steps), most)
    shown = [*first, *last]
    steps = [run.steps[number] for number in shown]
    lanes = _Lanes(tuple(sorted({step.client for step in steps if not step.moved})))
    body: list[str] = []
    bars: list[_Bar] = []
    y = float(HEAD)
    for number in shown:
        if last and number == last.start:
            body.append(_hidden(last.start - first.stop, lanes, y))
            y += 2 * LINE
        step = run.steps[number]
        before = run.steps[number - 1].state if number else NO_KEY
        one = (_clock if step.moved else _step)(number, step, before, lanes, y, full=full)
        body.append(one.svg)
        y = one.below
        if not step.moved:
            bars = _longer(bars, step, one)
    if not shown:
        body.append(_words(LEFT, y + LINE, "no command was sent", "dim"))
        y += 2 * LINE
    height = y + FOOT
    safe = "seq-" + re.sub(r"[^A-Za-z0-9_-]+", "-", name)[:80]
    return "\n".join(
        (
            f'<svg class="seq" viewBox="0 0 {lanes.width:g} {height:g}" width="{lanes.width:g}" '
            f'height="{height:g}" role="img" aria-labelledby="{safe}-t {safe}-d">',
            f'<title id="{safe}-t">{_safe(title)}</title>',
            f'<desc id="{safe}-d">{_safe(about)}</desc>',
            *_lifelines(lanes, height, bars),
            *body,
            "</svg>",
        )
    )


def _longer(bars: list[_Bar], step: Step, one: _Drawn) -> list[_Bar]:
    """The bars with that of the step's request drawn on, or begun."""
    decided = step.answered is not None
    for place, bar in enumerate(bars):
        if bar.client == step.client and not bar.decided:
            longer = _Bar(bar.client, bar.begun, one.ended, decided)
            return [*bars[:place], longer, *bars[place + 1 :]]
    return [*bars, _Bar(step.client, one.begun, one.ended, decided)]


def _lifelines(lanes: _Lanes, height: float, bars: Iterable[_Bar]) -> Iterable[str]:
    """Heads and lines, and over these a bar for as long as a request lasts."""
    line = f"{HEAD - 8}V{height - FOOT:g}"
    for client in lanes.clients:
        x, who = lanes.x(client), letter(client)
        yield f'<path class="life" d="M{x:g} {line}"/>'
        yield _words(
            x, 20, who if lanes.apart == NARROW else f"client {who}", "who", anchor="middle"
        )
    for bar in bars:
        x, tall = lanes.x(bar.client) - 3, bar.ended - bar.begun
        yield f'<rect class="busy" x="{x:g}" y="{bar.begun:g}" width="6" height="{tall:g}"/>'
    yield f'<path class="life" d="M{lanes.server:g} {line}"/>'
    yield _words(lanes.server, 20, "Redis", "who", anchor="middle")
    yield _words(lanes.server + ASIDE, 20, "keys after it", "dim")


def _step(number: int, step: Step, before: str, lanes: _Lanes, y: float, *, full: bool) -> _Drawn:
    """One step from y on: the commands over an arrow to Redis, the replies over one back."""
    x, server = lanes.x(step.client), lanes.server
    parts = [_words(LEFT - 10, y + LINE - 3, str(number + 1), "dim", anchor="end")]
    sent, y = _lines(step.commands, lanes.said, y, "sent" if step.writes else "", full=full)
    begun = y + 3
    parts += [*sent, _arrow(x + 3, server, begun, "go")]
    replies, y = _lines(step.replies, lanes.said, y + 5, "dim", full=full)
    ended = y + 3
    parts += [*replies, _arrow(server, x + 3, ended, "back")]
    y += 4
    if step.state != before:
        parts.append(_dot(server, begun))
    if step.state != before or not number:
        state, below = _state(step.state, lanes, begun, full=full)
        parts.append(state)
        y = max(y, below)
    if step.answered is not None:
        parts.append(_decision(step.answered, x, ended + 4, narrow=lanes.apart == NARROW))
        y = max(y, ended + 20)
    return _Drawn("\n".join(parts), begun, ended + 5, y + GAP)


def _clock(number: int, step: Step, before: str, lanes: _Lanes, y: float, *, full: bool) -> _Drawn:
    """Time that passes: a band over all lifelines, and the keys where that took some away."""
    tall = LINE + 6
    words, _ = _folded(lanes.said, y + LINE, clock_moved(step), "clock", SAID, 1, full=full)
    parts = [
        f'<rect class="w" x="{LEFT}" y="{y:g}" width="{lanes.server - LEFT:g}" height="{tall}"/>',
        _words(LEFT - 10, y + LINE, str(number + 1), "dim", anchor="end"),
        words,
    ]
    below = y + tall
    if step.state != before:
        state, ended = _state(step.state, lanes, y + LINE - 4, full=full)
        parts += [
            f'<circle class="dot" cx="{lanes.server:g}" cy="{y + tall / 2:g}" r="3.5"/>',
            state,
        ]
        below = max(below, ended)
    return _Drawn("\n".join(parts), y, below, below + GAP)


def _lines(
    texts: tuple[str, ...], x: float, y: float, kind: str, *, full: bool
) -> tuple[list[str], float]:
    """Texts below each other, each folded; the y below them."""
    parts = []
    for text in texts[:MOST_COMMANDS]:
        svg, lines = _folded(x, y + LINE - 2, text, f"mono {kind}".strip(), SAID - 16, 2, full=full)
        parts.append(svg)
        y += LINE * lines
    if (hidden := len(texts) - MOST_COMMANDS) > 0:
        y += LINE
        parts.append(_words(x, y - 2, f"… {hidden} more", "dim"))
    return parts, y


def _state(state: str, lanes: _Lanes, at: float, *, full: bool) -> tuple[str, float]:
    x, y, width = lanes.server + ASIDE, at + 4, STATE - ASIDE - 8
    svg, lines = _folded(x, y, state, "mono", width, 4, full=full)
    return svg, y + LINE * (lines - 1)


def _folded(
    x: float, y: float, text: str, kind: str, width: float, most: int, *, full: bool
) -> tuple[str, int]:
    """A text in at most so many lines, the first at y; and how many they are."""
    lines, cut = fold(visible(short(text)), int(width / CHARACTER), most)
    drawing = "".join(_words(x, y + LINE * n, line, kind) for n, line in enumerate(lines))
    if full and (cut or short(text) != text):
        drawing = f"<g><title>{_safe(text)}</title>{drawing}</g>"
    return drawing, max(len(lines), 1)


def _decision(outcome: Outcome, x: float, y: float, *, narrow: bool) -> str:
    told = Outcome(outcome).name.lower()
    kind = told if outcome in MARKS else "unknown-end"
    mark = MARKS.get(outcome, "?")
    width = 24 if narrow else WIDE - 6
    text = _words(x, y + 12, mark if narrow else f"{mark} {told}", f"on-{kind}", anchor="middle")
    return (
        f'<g><title>{told}</title><rect class="{kind}" x="{x - width / 2:g}" y="{y:g}" '
        f'width="{width}" height="16" rx="8"/>{text}</g>'
    )


def _arrow(start: float, end: float, y: float, kind: str) -> str:
    back = 6 if start < end else -6
    return (
        f'<path class="{kind}" d="M{start:g} {y:g}H{end:g}"/>'
        f'<path class="tip" d="M{end:g} {y:g}l{-back} -3v6z"/>'
    )


def _dot(x: float, y: float) -> str:
    return f'<circle class="dot" cx="{x:g}" cy="{y:g}" r="3.5"/>'


def _hidden(steps: int, lanes: _Lanes, y: float) -> str:
    return (
        f'<rect class="w" x="0" y="{y:g}" width="{lanes.width:g}" height="{LINE + 6}"/>'
        + _words(lanes.said, y + LINE, f"… {steps:,} steps not drawn …", "dim")
    )


def _words(x: float, y: float, text: str, kind: str, *, anchor: str = "") -> str:
    where = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text class="{kind}" x="{x:g}" y="{y:g}"{where}>{escape(text)}</text>'


def _safe(text: str) -> str:
    """Text of any length from anywhere, as content of an element."""
    seen = visible(text[: MOST_FULL + 1])
    return escape(seen if len(seen) <= MOST_FULL else f"{seen[: MOST_FULL - 1]}…")
