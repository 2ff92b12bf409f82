"""report.html: one page, offline. Here the page of checks that no history stands behind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jinja2

from limitproof.report.cards import SYMBOLS, ChecksCard, clip
from limitproof.results import write_text

NAME = "report.html"
CHECKS = "checks.html"
LARGEST = 990_000  # bytes of a page with every comfort


def write_checks_report(
    folder: Path, cards: Callable[[bool], Sequence[ChecksCard]], *, stopped: str = ""
) -> Path:
    """Draw the report of checks that no history stands behind; the path of the page.

    cards: makes what is shown, of all comforts or (True) as small as can be. Raises OSError when
    the folder cannot be written.
    """
    path = folder / NAME
    for brief in (False, True):
        text = laid_out(
            CHECKS, title=folder.resolve().name, cards=cards(brief), brief=brief,
            stopped=clip(stopped),
        )  # fmt: skip
        if not too_large(text):
            break
    write_text(path, text)
    return path


def laid_out(template: str, **values: Any) -> str:
    """A template of this package with its values, and the symbols of verdicts, as text.

    Everything that comes from a limiter or a file is escaped.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("limitproof.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(symbols=SYMBOLS, **values)


def too_large(text: str) -> bool:
    """Whether a page has to do without some comforts."""
    return len(text.encode(errors="backslashreplace")) > LARGEST
