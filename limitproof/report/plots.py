"""All plots of a report, and their files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from limitproof.events import LimiterJudged
from limitproof.report.canvas import Picture, Theme
from limitproof.report.plot_herds import draw_herds
from limitproof.report.plot_memory import draw_memory
from limitproof.report.plot_windows import draw_windows
from limitproof.results import write_bytes

Drawing = Callable[[Sequence[LimiterJudged], Theme], Picture | None]
DRAWINGS: tuple[Drawing, ...] = (draw_windows, draw_herds, draw_memory)
FOLDER = "plots"


def draw_plots(judged: Sequence[LimiterJudged], theme: Theme) -> tuple[Picture, ...]:
    """Every plot that these histories have data for."""
    drawn = (draw(judged, theme) for draw in DRAWINGS) if judged else ()
    return tuple(picture for picture in drawn if picture is not None)


def save_plots(pictures: Sequence[Picture], run: Path) -> None:
    """Write plots into the run's folder `plots`, each whole or not at all. Raises OSError."""
    folder = run / FOLDER
    folder.mkdir(exist_ok=True)
    for picture in pictures:
        write_bytes(folder / f"{picture.name}.png", picture.png)
