"""The verdict as JSON, in a file or on standard output."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from limitproof.report.console import while_read
from limitproof.results import write_json


def write(file: str | None, data: Mapping[str, Any]) -> None:
    """Write JSON to a file, or to standard output for "-". Raises OSError."""
    if file == "-":
        with while_read(sys.stdout):
            click.echo(json.dumps(data, indent=2, ensure_ascii=False))
    elif file is not None:
        write_json(Path(file), data)
