"""The verdict of a load run as JSON, when it has finished."""

from __future__ import annotations

from dataclasses import dataclass

from limitproof.check.judgement_json import summary
from limitproof.events import Event, RunFinished
from limitproof.expectations import verdict_of
from limitproof.report.json_file import write


@dataclass(frozen=True, slots=True)
class JsonFile:
    """Writes the verdict when a run has finished; None writes nothing, - to standard output."""

    file: str | None

    def handle(self, event: Event) -> None:
        if isinstance(event, RunFinished):
            verdict = verdict_of(event.judged, event.stopped)
            write(self.file, summary([one.judgement for one in event.judged], verdict))
