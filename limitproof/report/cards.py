"""Checks as a page shows them, as plain text and small records: the template only lays them out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from limitproof.check.verdict import CheckResult, Judgement
from limitproof.report.counterexamples import Diagram
from limitproof.report.evidence import Timeline, sentence, table, timeline
from limitproof.report.numbers import count

LONGEST_TEXT = 600
SYMBOLS = {"pass": "✓", "fail": "✗", "unknown": "?", "not told": "–", "accepted": "!"}


@dataclass(frozen=True, slots=True)
class CheckCard:
    """One check of one limiter."""

    name: str
    verdict: str
    cause: str
    because: str
    measured: tuple[tuple[str, str], ...]
    place: str
    drawing: Timeline | None
    single: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    hidden: int


@dataclass(frozen=True, slots=True)
class ChecksCard:
    """One limiter's checks where there is no history: names and texts, checks, diagrams."""

    anchor: str
    limiter: str
    verdict: str
    cause: str
    facts: tuple[tuple[str, str], ...]
    checks: tuple[CheckCard, ...]
    diagrams: tuple[Diagram, ...]


def checks_card(
    judgement: Judgement,
    facts: Sequence[tuple[str, str]] = (),
    drawn: Sequence[Diagram] = (),
    *,
    number: int = 1,
) -> ChecksCard:
    """A judgement that no history stands behind, with whatever is to be said and drawn of it."""
    return ChecksCard(
        anchor=anchor(number, judgement.limiter),
        limiter=judgement.limiter,
        verdict=judgement.verdict.value,
        cause=judgement.cause.value if judgement.cause else "",
        facts=tuple((name, clip(text)) for name, text in facts if text),
        checks=tuple(check_card(check) for check in judgement.checks),
        diagrams=tuple(drawn),
    )


def anchor(number: int, name: str) -> str:
    """What a section of the page is linked by; the number is its place."""
    slug = re.sub(r"[^A-Za-z0-9_-]+", "-", name)[:40]
    return f"{number}-{slug}"


def check_card(check: CheckResult) -> CheckCard:
    """A check as it is shown: its evidence drawn where it is operations, else in rows."""
    evidence = check.evidence
    drawing = timeline(evidence) if evidence else None
    single = sentence(evidence) if evidence else ""
    headings, rows = table(evidence.rows) if evidence and not (drawing or single) else ((), ())
    return CheckCard(
        name=check.name,
        verdict="accepted" if check.accepted else check.verdict.value,
        cause=check.cause.value if check.cause else "",
        because=clip(check.because),
        measured=_measured(check.measured),
        place=clip(evidence.key, 120) if evidence else "",
        drawing=drawing,
        single=single,
        headings=headings,
        rows=tuple(tuple(clip(cell, 120) for cell in row) for row in rows),
        hidden=max(0, evidence.total - len(rows)) if evidence and rows else 0,
    )


def _measured(measured: Mapping[str, Any], prefix: str = "") -> tuple[tuple[str, str], ...]:
    """Names and texts of figures; what is within another mapping has that one's name before it."""
    told: list[tuple[str, str]] = []
    for name, value in measured.items():
        words = f"{prefix}{name.replace('_', ' ')}"
        inner = isinstance(value, Mapping) and not prefix
        told += _measured(value, f"{words} ") if inner else [(words, _plain(value))]
    return tuple(told)


def clip(text: str, most: int = LONGEST_TEXT) -> str:
    """At most `most` characters: a limiter's own text can be of any length."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _plain(value: object) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return str(value).lower()
        case int():
            return count(value)
        case float():
            return f"{value:,.6g}"
        case list() | tuple():
            return clip(", ".join(map(str, value)), 200) or "none"
    return clip(str(value), 200)
