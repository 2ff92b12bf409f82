"""The verdict as JSON, in a file or on standard output."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from limitproof.check.judgement_json import summary
from limitproof.events import Event, RunFinished
from limitproof.results import write_json


@dataclass(frozen=True, slots=True)
class JsonFile:
    """Writes the verdict when a run has finished; None writes nothing, - to standard output."""

    file: str | None

    def handle(self, event: Event) -> None:
        if isinstance(event, RunFinished):
            write(self.file, summary([one.judgement for one in event.judged]))


def write(file: str | None, data: Mapping[str, Any]) -> None:
    """Write JSON to a file, or to standard output for "-". Raises OSError."""
    if file == "-":
        click.echo(json.dumps(data, indent=2, ensure_ascii=False))
    elif file is not None:
        write_json(Path(file), data)
