"""report.html: one page, offline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2

from limitproof.events import Event, LimiterJudged, RunFinished
from limitproof.report import page
from limitproof.results import write_text

NAME = "report.html"
CHECKS = "checks.html"
LARGEST = 990_000  # bytes of a page with every comfort


@dataclass(frozen=True, slots=True)
class HtmlReport:
    """Draws report.html when a run has finished."""

    def handle(self, event: Event) -> None:
        if isinstance(event, RunFinished):
            write_report(event.folder, event.judged, stopped=event.stopped)


def write_report(folder: Path, judged: Sequence[LimiterJudged], *, stopped: str = "") -> Path:
    """Draw the report of a run into its folder, plots too; the path of the page.

    `stopped` says why the run ended early. Raises OSError when the folder cannot be written.
    """
    # matplotlib takes half a second to import, which every other command would pay as well
    from limitproof.report.canvas import DARK, LIGHT
    from limitproof.report.plots import draw_plots, save_plots

    light, dark = draw_plots(judged, LIGHT), draw_plots(judged, DARK)
    save_plots(light, folder)
    path, figures = folder / NAME, page.figures(light, dark)
    text = render(folder, judged, figures, stopped=stopped)
    if len(text.encode(errors="backslashreplace")) > LARGEST:
        text = render(folder, judged, figures, stopped=stopped, brief=True)
    write_text(path, text)
    return path


def render(
    folder: Path,
    judged: Sequence[LimiterJudged],
    figures: Sequence[page.Figure] = (),
    *,
    stopped: str = "",
    brief: bool = False,
) -> str:
    """The page as text. Everything that comes from a limiter or a file is escaped.

    `brief` leaves out what is a comfort only: tooltips, and the plots for dark pages.
    """
    interrupted = (one.history.meta.interrupted for one in judged)
    return _environment().get_template(NAME).render(
        title=folder.resolve().name,
        counted=page.counted(judged),
        meaning=page.meaning(judged),
        about=page.about(folder, judged),
        cards=page.cards(judged, brief=brief),
        explored=any(one.explored for one in judged),
        figures=figures,
        symbols=page.SYMBOLS,
        brief=brief,
        stopped=page.clip(stopped or next(filter(None, interrupted), "")),
        others=any(one.history.meta.promise.get("kind") != "sliding" for one in judged),
    )  # fmt: skip


def write_checks_report(
    folder: Path, cards: Callable[[bool], Sequence[page.ChecksCard]], *, stopped: str = ""
) -> Path:
    """Draw the report of checks that no history stands behind; the path of the page.

    cards: makes what is shown, of all comforts or (True) as small as can be. Raises OSError when
    the folder cannot be written.
    """
    path = folder / NAME
    for brief in (False, True):
        text = _environment().get_template(CHECKS).render(
            title=folder.resolve().name,
            cards=cards(brief),
            symbols=page.SYMBOLS,
            brief=brief,
            stopped=page.clip(stopped),
        )  # fmt: skip
        if len(text.encode(errors="backslashreplace")) <= LARGEST:
            break
    write_text(path, text)
    return path


def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("limitproof.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
