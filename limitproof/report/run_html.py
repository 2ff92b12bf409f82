"""report.html of a load run: one page, offline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from limitproof.events import Event, LimiterJudged, RunFinished
from limitproof.report import page
from limitproof.report.cards import clip
from limitproof.report.html import NAME, laid_out, too_large
from limitproof.results import write_text


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
    if too_large(text):
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
    return laid_out(
        NAME,
        title=folder.resolve().name,
        counted=page.counted(judged),
        meaning=page.meaning(judged),
        about=page.about(folder, judged),
        cards=page.cards(judged, brief=brief),
        explored=any(one.explored for one in judged),
        figures=figures,
        brief=brief,
        stopped=clip(stopped or next(filter(None, interrupted), "")),
        others=any(one.history.meta.promise.get("kind") != "sliding" for one in judged),
    )
