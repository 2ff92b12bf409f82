"""report.html: one page, offline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from limitproof.events import Event, LimiterJudged, RunFinished


@dataclass(frozen=True, slots=True)
class HtmlReport:
    """Draws report.html when a run has finished."""

    def handle(self, event: Event) -> None:
        if isinstance(event, RunFinished):
            write_report(event.folder, event.judged)


def write_report(folder: Path, judged: Sequence[LimiterJudged]) -> Path:
    """Draw the report of a run into its folder; the path of the page."""
    return folder / "report.html"
