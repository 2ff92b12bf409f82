"""What the page of a load run shows, as plain text and small records; `cards` has the checks."""

from __future__ import annotations

import json
import shlex
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from limitproof import results
from limitproof.check.verdict import Verdict
from limitproof.events import LimiterJudged
from limitproof.report.cards import CheckCard, anchor, check_card, clip
from limitproof.report.counterexamples import Diagram, covered, diagrams
from limitproof.report.evidence import duration
from limitproof.report.numbers import count
from limitproof.report.summary import Line, line_of, open_loop

if TYPE_CHECKING:  # matplotlib is imported only when a page is drawn
    from limitproof.report.canvas import Picture

MOST_ERRORS = 8


@dataclass(frozen=True, slots=True)
class Card:
    """One limiter: its row of the table and its section, which `anchor` links."""

    anchor: str
    line: Line
    cells: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    checks: tuple[CheckCard, ...]
    errors: tuple[str, ...]
    more_errors: int
    surprises: tuple[str, ...]
    missed: str
    diagrams: tuple[Diagram, ...]
    explored: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A plot in both themes, as data addresses; they are of one size."""

    picture: Picture
    light: str
    dark: str


def cards(judged: Sequence[LimiterJudged], *, brief: bool = False) -> tuple[Card, ...]:
    """The limiters in the order of the run."""
    return tuple(_card(number, one, brief=brief) for number, one in enumerate(judged, 1))


def _card(number: int, one: LimiterJudged, *, brief: bool) -> Card:
    line = line_of(one)
    name = anchor(number, one.limiter)
    return Card(
        anchor=name,
        line=line,
        cells=(
            line.overshoot_told,
            count(line.possible),
            line.ratio_told,
            count(line.excess),
            count(line.false_rejections),
            line.memory,
            count(line.rate),
        ),
        facts=_facts(one, line),
        checks=tuple(check_card(check) for check in one.judgement.checks),
        errors=tuple(clip(error) for error in one.history.errors[:MOST_ERRORS]),
        more_errors=max(0, len(one.history.errors) - MOST_ERRORS),
        surprises=one.surprises,
        missed=clip(one.missed),
        diagrams=diagrams(one.explored, one.judgement, one.folder, name=f"{name}-", brief=brief),
        explored=line.explored,
    )


def _facts(one: LimiterJudged, line: Line) -> tuple[tuple[str, str], ...]:
    meta = one.history.meta
    facts = [
        ("target", "" if one.registered or meta.target == one.limiter else meta.target),
        ("promises", _promise(meta.promise, meta.limit, meta.window)),
        ("operations", count(line.operations)),
        ("busiest scenario", f"{count(line.rate)} requests/s"),
    ]
    schedule = open_loop(one.history)
    if schedule is not None:
        median, high, worst = (duration(1e9 * seconds) for seconds in schedule.latency)
        facts += [
            (
                "open loop",
                f"{count(schedule.intended)} on schedule, {count(schedule.late)} late, "
                f"{count(schedule.dropped)} dropped",
            ),
            ("latency from the intended instant", f"{median} median, {high} p99, {worst} worst"),
        ]
    facts += [("explored", covered(exploration)) for exploration in one.explored]
    return tuple((name, clip(text)) for name, text in facts if text)


def about(folder: Path, judged: Sequence[LimiterJudged]) -> tuple[tuple[str, str], ...]:
    """Names and texts of the page's head: from run.json where there is one, else the histories."""
    run = read_run(folder)
    meta = judged[0].history.meta if judged else None
    options, machine = _mapping(run.get("options")), _mapping(run.get("machine"))
    server = _mapping(run.get("server")) or (meta.server if meta else {})
    facts = [
        ("command", shlex.join(map(str, run["command"])) if _texts(run.get("command")) else ""),
        ("server", " ".join(str(server[k]) for k in ("name", "version") if k in server)),
        ("quota", f"{count(meta.limit)} in {meta.window:g} s" if meta else ""),
        ("load", f"{meta.processes} processes × {meta.clients} clients" if meta else ""),
        ("seed", str(options.get("seed", meta.seed if meta else ""))),
        ("machine", _machine(machine)),
        ("packages", ", ".join(f"{k} {v}" for k, v in _mapping(run.get("packages")).items())),
        ("date", _date(str(run.get("created") or (meta.created if meta else "")))),
    ]
    return tuple((name, clip(text)) for name, text in facts if text)


def read_run(folder: Path) -> Mapping[str, Any]:
    """run.json of the folder; empty where there is none, or none that can be read."""
    try:
        return _mapping(json.loads((folder / results.RUN).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def counted(judged: Sequence[LimiterJudged]) -> tuple[tuple[str, int], ...]:
    """How many limiters got each verdict: fail, unknown, pass; those of none left out."""
    verdicts = [one.judgement.verdict for one in judged]
    order = (Verdict.FAIL, Verdict.UNKNOWN, Verdict.PASS)
    return tuple((v.value, verdicts.count(v)) for v in order if v in verdicts)


def meaning(judged: Sequence[LimiterJudged]) -> str:
    """What red means in a run of the reference limiters; empty in any other."""
    failing = sum(one.judgement.verdict is Verdict.FAIL for one in judged)
    if not failing or not all(one.registered for one in judged):
        return ""
    told = f"{failing} of {len(judged)} fail. "
    strange = [one.limiter for one in judged if one.surprises or one.missed]
    if strange:
        return clip(f"{told}Against what is known of them: {', '.join(strange)}.")
    return (
        f"{told}Those are reference limiters that are wrong on purpose; none fails a check that "
        "is not known of it."
    )


def figures(light: Sequence[Picture], dark: Sequence[Picture]) -> tuple[Figure, ...]:
    """Plots with their twins for dark pages."""
    return tuple(
        Figure(one, _address(one), _address(two)) for one, two in zip(light, dark, strict=True)
    )


def _address(picture: Picture) -> str:
    return f"data:image/png;base64,{b64encode(picture.png).decode('ascii')}"


def _promise(promise: Mapping[str, Any], limit: int, window: float) -> str:
    quota = f"{count(promise.get('limit', limit))} in {promise.get('window', window):g} s"
    match promise.get("kind", "sliding"):
        case "sliding":
            return f"a sliding window: {quota}"
        case "fixed":
            return f"fixed windows: {quota}, so up to twice that at an edge"
        case "token":
            return f"a token bucket: {promise.get('rate')} a second, {promise.get('burst')} at once"
        case kind:
            return str(kind)


def _date(iso: str) -> str:
    return iso.replace("+00:00", " UTC").replace("T", " ", 1)


def _machine(machine: Mapping[str, Any]) -> str:
    if not machine:
        return ""
    place = " ".join(str(machine[k]) for k in ("system", "architecture") if k in machine)
    return f"{machine.get('cores', '?')} cores, {place}, Python {machine.get('python', '?')}"


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _texts(value: object) -> bool:
    return isinstance(value, list) and bool(value)
