"""Overshoot against the number of clients that come at the same instant."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator
from matplotlib.transforms import ScaledTranslation

from limiters.registry import REGISTRY
from limitproof.events import LimiterJudged
from limitproof.report.canvas import (
    Picture,
    Theme,
    develop,
    dress,
    headline,
    new_figure,
    short,
    spread,
    style_of,
)
from limitproof.report.numbers import count
from limitproof.report.series import Herd, herds

WIDTH, HEIGHT = 12.0, 5.2  # inches
MOST_LINES = 16
STRAND = 2.6  # points between lines that end at one value
FAMILIES = frozenset(entry.name for entry in REGISTRY if entry.kind == "family")

Line = tuple[str, tuple[Herd, ...]]


def draw_herds(judged: Sequence[LimiterJudged], theme: Theme) -> Picture | None:
    """One line a limiter that overshoots; families that do not are named. None without herds."""
    found = [(one.limiter, line) for one in judged if (line := herds(one.history))]
    if not found:
        return None
    guilty = [line for line in found if _worst(line)]
    guilty.sort(key=lambda line: (-_worst(line), -_total(line)))
    left_out, guilty = guilty[MOST_LINES:], guilty[:MOST_LINES]
    clean = [name for name, sizes in found if not _worst((name, sizes))]
    title = (
        "The more clients come at once, the more is admitted beyond the limit"
        if any(_grows(line) for line in guilty)
        else "Herds of clients admit more than the limit"
        if guilty
        else "No herd of clients gets more than the limit"
    )
    figure = new_figure(WIDTH, HEIGHT, theme)
    headline(
        figure, theme, title,
        "Clients let loose at the same instant on a fresh key, twice the limit in all. "
        "Solid: the worst herd of its size; dotted: their mean.",
    )  # fmt: skip
    axes = figure.add_axes((0.055, 0.115, 0.66, 0.70))
    dress(axes, theme)
    sizes = sorted({herd.clients for _, line in found for herd in line})
    top = max([judged[0].history.meta.limit, *map(_worst, guilty)])
    _scales(axes, sizes, top, judged[0].history.meta.limit, theme)
    _lines(axes, guilty, top, theme)
    _innocent(axes, clean, theme)
    note = f"Herds of each size: {_rounds(found)}. Overshoot is what is certain."
    if len(guilty) > 1:
        note += " Lines that end at one value are drawn side by side."
    if left_out:
        note += f" Not drawn: {', '.join(short(name, 40) for name, _ in left_out)}."
    return develop(figure, "herds", title, _told(guilty, clean), note)


def _scales(axes: Axes, sizes: Sequence[int], top: int, limit: int, theme: Theme) -> None:
    axes.set_xscale("log", base=2)
    axes.set_xlim(sizes[0] / 1.08, sizes[-1] * 1.08)
    axes.set_ylim(-top * 0.05, top * 1.12)
    axes.xaxis.set_major_locator(FixedLocator(sizes))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0f}")
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.set_xlabel("clients at the same instant")
    axes.set_ylabel("admitted beyond the limit")
    axes.axhline(limit, color=theme.muted, linewidth=0.9, linestyle=(0, (4, 3)))
    axes.text(
        0.005, limit + top * 0.05, "here everything is admitted", size=8.5, color=theme.muted,
        transform=axes.get_yaxis_transform(), va="bottom",
    )  # fmt: skip


def _lines(axes: Axes, guilty: Sequence[Line], top: int, theme: Theme) -> None:
    """The lines from the lowest end to the highest, each with its name at its end."""
    ascending = sorted(guilty, key=lambda line: (line[1][-1].worst, _total(line)))
    ends = [line[-1].worst for _, line in ascending]
    places = spread([float(end) for end in ends], top * 0.06, top * 0.2, top * 1.1)
    for number, (name, line) in enumerate(ascending):
        colour, marker = style_of(number, theme)
        abreast = ends.count(ends[number])
        points = STRAND * (number - ends.index(ends[number]) - (abreast - 1) / 2)
        shift = axes.transData + ScaledTranslation(0, points / 72, axes.figure.dpi_scale_trans)
        clients = [herd.clients for herd in line]
        axes.plot(
            clients, [herd.worst for herd in line], color=colour, marker=marker, linewidth=1.8,
            markersize=5.5, markeredgecolor=theme.paper, markeredgewidth=0.6, clip_on=False,
            zorder=3, transform=shift,
        )  # fmt: skip
        axes.plot(
            clients, [herd.mean for herd in line], color=colour, linewidth=1.2, alpha=0.9,
            linestyle=(0, (1, 1.6)), transform=shift,
        )  # fmt: skip
        axes.annotate(
            f"{short(name, 30)}  {count(_worst((name, line)))}", xy=(clients[-1], ends[number]),
            xycoords=shift, xytext=(clients[-1] * 1.22, places[number]), textcoords="data",
            color=colour, size=9, va="center", annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.8, "shrinkA": 2,
                        "shrinkB": 5, "relpos": (0.0, 0.5)},
        )  # fmt: skip


def _innocent(axes: Axes, names: Sequence[str], theme: Theme) -> None:
    """Those that never overshoot share one line at 0; the families of them are named."""
    if not names:
        return
    axes.axhline(0, color=theme.quiet, linewidth=1.6, zorder=1)
    named = [name for name in names if name in FAMILIES] or list(names[:4])
    others = len(names) - len(named)
    text = ", ".join(short(name, 30) for name in named) + (f" and {others} more" if others else "")
    axes.text(
        1.028, 0.045, "\n".join(textwrap.wrap(f"never: {text}", 38)), size=8.5, color=theme.muted,
        transform=axes.transAxes, va="center",
    )  # fmt: skip


def _worst(line: Line) -> int:
    return max(herd.worst for herd in line[1])


def _total(line: Line) -> float:
    return sum(herd.mean for herd in line[1])


def _grows(line: Line) -> bool:
    return line[1][-1].mean > line[1][0].mean


def _rounds(found: Sequence[Line]) -> str:
    rounds = sorted({herd.herds for _, line in found for herd in line})
    return " or ".join(map(str, rounds))


def _told(guilty: Sequence[Line], clean: Sequence[str]) -> str:
    worst = "; ".join(
        f"{short(name)}: "
        + ", ".join(
            f"{herd.worst} at {herd.clients} client{'s' * (herd.clients > 1)}" for herd in line
        )
        for name, line in guilty
    )
    never = ", ".join(map(short, clean)) or "none"
    return f"Worst overshoot by herd size. {worst or 'None overshoots'}. Never: {never}."
