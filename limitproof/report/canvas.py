"""The look of the plots: paper, ink, colours that colour-blind people can tell apart, PNG.

Only matplotlib's object API is used: no pyplot, no current figure, nothing global is changed.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

DOTS = 150  # an inch; the page shows a figure at half its pixels or more
COLOURS = 128  # of the PNG's palette


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawn plot as a PNG of `width` × `height` pixels, `name` without a suffix.

    title says what one sees; alt tells it to a reader who does not; note says what was left out.
    """

    name: str
    title: str
    alt: str
    note: str
    png: bytes
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours of a plot. `lines` are Okabe and Ito's (2008), fit for this paper."""

    name: str
    paper: str
    ink: str
    muted: str
    grid: str
    quiet: str
    calm: str
    alarm: str
    lines: tuple[str, ...]


LIGHT = Theme(
    name="light",
    paper="#ffffff",
    ink="#1b1f24",
    muted="#5b6570",
    grid="#e6e9ed",
    quiet="#b4bcc6",
    calm="#9dbbd8",
    alarm="#d1352b",
    lines=(
        "#d55e00", "#0072b2", "#009e73", "#cc79a7", "#b58900", "#56b4e9", "#6a3d9a", "#222222",
    ),
)  # fmt: skip
DARK = Theme(
    name="dark",
    paper="#171b21",
    ink="#e8ebef",
    muted="#9aa5b1",
    grid="#2b323b",
    quiet="#525d69",
    calm="#5b86b3",
    alarm="#e8584c",
    lines=(
        "#ff8a3d", "#4aa8e8", "#2fc79a", "#e79ac4", "#e6c229", "#8fd3ff", "#b48be0", "#f0f0f0",
    ),
)  # fmt: skip
THEMES = (LIGHT, DARK)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")


def new_figure(width: float, height: float, theme: Theme) -> Figure:
    """An empty figure, inches, on the theme's paper."""
    return Figure(figsize=(width, height), dpi=DOTS, facecolor=theme.paper)


def dress(axes: Axes, theme: Theme, *, size: float = 9) -> None:
    """No frame but a base line, a quiet grid, small ticks."""
    axes.set_facecolor(theme.paper)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(theme.quiet)
    axes.tick_params(colors=theme.muted, labelsize=size, length=0, pad=4)
    axes.grid(visible=True, axis="y", color=theme.grid, linewidth=0.8)
    axes.set_axisbelow(True)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set_color(theme.muted)
        label.set_fontsize(size)


def headline(figure: Figure, theme: Theme, title: str, below: str) -> None:
    """A title that says what one sees, and a line that says how to read it, at the top left."""
    _, height = figure.get_size_inches()
    figure.text(
        0.012, 1 - 0.15 / height, title, va="top", fontsize=14, fontweight="bold", color=theme.ink
    )
    figure.text(0.012, 1 - 0.48 / height, below, va="top", fontsize=9.5, color=theme.muted)


def style_of(number: int, theme: Theme) -> tuple[str, str]:
    """Colour and marker of line number n: no two of the first 56 are alike."""
    return theme.lines[number % len(theme.lines)], MARKERS[
        (number + number // len(theme.lines)) % len(MARKERS)
    ]


def develop(figure: Figure, name: str, title: str, alt: str, note: str) -> Picture:
    """The figure as a PNG with a palette, a third of the size; equal figures give equal bytes."""
    for text in figure.findobj(Text):
        text.set_parse_math(False)
    out = io.BytesIO()
    canvas: Any = FigureCanvasAgg(figure)  # its methods have no types
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # drawn as a box
        canvas.print_png(out, pil_kwargs={"compress_level": 1})
    image = Image.open(out).convert("RGB")
    out = io.BytesIO()
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(out, format="PNG", optimize=True)
    return Picture(name, title, alt, note, out.getvalue(), image.width, image.height)


def short(name: str, most: int = 30) -> str:
    """A foreign name as a label: one line, not too long."""
    return " ".join(name.split())[:most]


def spread(wanted: list[float], gap: float, low: float, high: float) -> list[float]:
    """Places for labels as near to the wanted ones as can be, `gap` apart, within [low, high].

    Ascending `wanted`. Labels are pushed up where they collide, and down again from the top.
    """
    places = list(wanted)
    for place in range(1, len(places)):
        places[place] = max(places[place], places[place - 1] + gap)
    ceiling = high
    for place in reversed(range(len(places))):
        places[place] = min(places[place], ceiling)
        ceiling = places[place] - gap
    return [max(place, low) for place in places]
