"""All plots of a report, and their files."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from limitproof.events import LimiterJudged
from limitproof.report.canvas import Picture, Theme
from limitproof.report.plot_herds import draw_herds
from limitproof.report.plot_memory import draw_memory
from limitproof.report.plot_windows import draw_windows

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
        path = folder / f"{picture.name}.png"
        partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
        try:
            partial.write_bytes(picture.png)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
