"""What the limiters' keys take on the server, over time: a hot key, and ever new ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator

from limitproof.check.footprint import footprint
from limitproof.check.verdict import Verdict
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
from limitproof.report.numbers import si
from limitproof.report.series import Memory, memory_over_time, thin

WIDTH, HEIGHT = 12.0, 5.4  # inches
MOST_POINTS = 2000
FLOOR = 50.0  # bytes: below this the scale is linear, so that nothing left is drawn as 0
FAR_MORE = 2  # times what the limiters hold that do not fail
MOST_NAMES = 18  # of a panel
SCALE, LETTER = 0.68, 0.072  # inches: the numbers at the left of a panel; a letter of a name
PANELS = (
    ("sustained", "One hot key, hammered"),
    ("idle", "Ever new keys, used and left"),
)


def draw_memory(judged: Sequence[LimiterJudged], theme: Theme) -> Picture | None:
    """Two panels, a line a limiter; those that fail `memory` or `expiry` there have a colour."""
    panels = {scenario: _series(judged, scenario) for scenario, _ in PANELS}
    if not any(panels.values()):
        return None
    leaks = [one.limiter for one in judged if _leaks(one)]
    coloured = leaks if len(judged) > 1 else [judged[0].limiter]
    style = {name: style_of(number, theme) for number, name in enumerate(coloured)}
    title = f"{len(leaks)} of {len(judged)} limiters keep more than the quota explains"
    below = "Bytes of all keys of a limiter on the server, over time. "
    if len(judged) > 1:
        below += "Coloured: fails memory or expiry, and shows it here. "
    else:
        title = f"{short(judged[0].limiter)} {_found(judged[0])}"
    figure = new_figure(WIDTH, HEIGHT, theme)
    headline(figure, theme, title, below + "The traffic ends at the dashed line.")
    shown = {
        scenario: (_notable(found, leaks) if len(judged) > 1 else coloured)
        for scenario, found in panels.items()
    }
    named = len(judged) > 1
    margins = [_margin(shown[scenario]) if named else 0.3 for scenario, _ in PANELS]
    width = (WIDTH - len(PANELS) * SCALE - sum(margins)) / len(PANELS)
    highest = max(int(memory.size.max()) for found in panels.values() for _, memory in found)
    left = SCALE
    for (scenario, heading), margin in zip(PANELS, margins, strict=True):
        axes = figure.add_axes((left / WIDTH, 0.115, width / WIDTH, 0.645))
        left += width + margin + SCALE
        axes.set_title(heading, loc="left", size=11, fontweight="bold", color=theme.ink, pad=12)
        here = {name: style[name] for name in shown[scenario]}
        _panel(axes, panels[scenario], here, highest, theme)
        if named:
            _names(axes, panels[scenario], here, theme)
    samples = sum(len(memory.size) for found in panels.values() for _, memory in found)
    note = f"{samples:,} samples (MEMORY USAGE), at most {MOST_POINTS:,} drawn a line."
    return develop(figure, "memory", title, _told(panels), note)


def _notable(found: Sequence[tuple[str, Memory]], leaks: Sequence[str]) -> list[str]:
    """Those that fail and show it here: something stays, or far more is held than by the rest."""
    usual = max((int(m.size.max()) for name, m in found if name not in leaks), default=0)
    held = [
        (int(memory.size.max()), name)
        for name, memory in found
        if name in leaks and (memory.size[-1] > 0 or memory.size.max() > FAR_MORE * usual)
    ]
    return [name for _, name in sorted(held, reverse=True)[:MOST_NAMES]]


def _margin(names: Sequence[str]) -> float:
    """Inches at the right of a panel that the longest of these names takes, or the others'."""
    return 0.35 + LETTER * max(16, *(len(short(name, 28)) for name in names), 0)


def _series(judged: Sequence[LimiterJudged], scenario: str) -> list[tuple[str, Memory]]:
    found = []
    for one in judged:
        prints = footprint(one.history.state, one.history.keys)
        memory = memory_over_time(one.history, prints, scenario)
        if memory is not None and len(memory.size):
            found.append((one.limiter, memory))
    return found


def _leaks(one: LimiterJudged) -> bool:
    checks = (one.judgement.check(name) for name in ("memory", "expiry"))
    return any(check is not None and check.verdict is Verdict.FAIL for check in checks)


def _found(one: LimiterJudged) -> str:
    if _leaks(one):
        return "keeps more than the quota explains"
    check = one.judgement.check("memory")
    if check is not None and check.verdict is Verdict.PASS:
        return "keeps no more than the quota explains"
    return "was not watched for long enough to judge its memory"


def _panel(
    axes: Axes,
    found: Sequence[tuple[str, Memory]],
    style: dict[str, tuple[str, str]],
    highest: int,
    theme: Theme,
) -> None:
    dress(axes, theme)
    axes.set_yscale("symlog", linthresh=FLOOR, linscale=0.25)
    top = max(highest * 2.0, 1000.0)
    axes.set_ylim(0, top)
    axes.yaxis.set_major_locator(
        FixedLocator([0, *(10**power for power in range(2, 13) if 10**power <= top)])
    )
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(lambda value, _: si(value, "B") if value else "0")
    axes.set_xlabel("seconds since the first request")
    if not found:
        axes.text(0.5, 0.5, "not played", transform=axes.transAxes, ha="center", color=theme.muted)
        return
    last = max(memory.last for _, memory in found)
    axes.set_xlim(0, 1.04 * max(last, *(_left(memory) for _, memory in found)) or 1.0)
    axes.axvline(last, color=theme.muted, linewidth=0.9, linestyle=(0, (4, 3)))
    for name, memory in found:
        if name not in style:
            _line(axes, memory, color=theme.quiet, linewidth=1.1, alpha=0.85)
    for name, memory in found:
        if name in style:
            colour, marker = style[name]
            _line(
                axes, memory, color=colour, linewidth=1.9, marker=marker, markersize=5,
                markevery=(0.05, 0.2), markeredgecolor=theme.paper, markeredgewidth=0.5, zorder=3,
            )  # fmt: skip


def _names(
    axes: Axes,
    found: Sequence[tuple[str, Memory]],
    style: dict[str, tuple[str, str]],
    theme: Theme,
) -> None:
    """The coloured lines' names at the right, each led to from where its line ends or falls."""
    lines = [(*_end(memory), short(name, 28), style[name][0])
             for name, memory in found if name in style]  # fmt: skip
    others = [memory for name, memory in found if name not in style]
    if others:
        middle = sorted(others, key=lambda memory: int(memory.size.max()))[len(others) // 2]
        stays = any(memory.size[-1] for memory in others)
        told = "others" if stays and style else "leave something" if stays else "leave nothing"
        at, size = _end(middle)
        told = told.replace("leave", "leaves") if len(others) == 1 else told
        lines.append((at, size, f"{len(others)} {told}", theme.muted))
    lines.sort(key=lambda line: line[1])
    heights = [_height(axes, size) for _, size, _, _ in lines]
    places = spread(heights, 0.052, 0.0, 1.0)
    edge = axes.get_xlim()[1]
    for place, height, (at, size, text, colour) in zip(places, heights, lines, strict=True):
        axes.plot([at, edge], [size, size], color=colour, linewidth=0.8, alpha=0.75,
                  linestyle=(0, (1, 2)), zorder=2)  # fmt: skip
        axes.annotate(
            text, xy=(1.0, height), xytext=(1.05, place), xycoords="axes fraction",
            textcoords="axes fraction", color=colour, size=8.5, va="center", annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.7, "shrinkA": 1,
                        "shrinkB": 0, "relpos": (0.0, 0.5)},
        )  # fmt: skip


def _left(memory: Memory) -> float:
    """When a line is above 0 for the last time; its first instant where it never is."""
    above = np.flatnonzero(memory.size)
    return float(memory.seconds[above[-1] if len(above) else 0])


def _end(memory: Memory) -> tuple[float, int]:
    """Where a line ends, or where it is high for the last time when it falls to 0."""
    if memory.size[-1]:
        return float(memory.seconds[-1]), int(memory.size[-1])
    high = int(np.flatnonzero(2 * memory.size >= memory.size.max())[-1])
    return float(memory.seconds[high]), int(memory.size[high])


def _line(axes: Axes, memory: Memory, **looks: object) -> None:
    kept = thin(memory.size, MOST_POINTS)
    axes.plot(memory.seconds[kept], memory.size[kept], **looks)  # type: ignore[arg-type]


def _height(axes: Axes, size: int) -> float:
    """Where so many bytes are drawn, as a share of the axes' height."""
    at = axes.transData.transform((0.0, float(size)))
    return float(axes.transAxes.inverted().transform(at)[1])


def _told(panels: dict[str, list[tuple[str, Memory]]]) -> str:
    return " ".join(
        f"{heading}: "
        + ", ".join(
            f"{short(name, 40)} at most {si(int(memory.size.max()), 'B')}, "
            f"{si(int(memory.size[-1]), 'B')} at the end"
            for name, memory in panels[scenario]
        )
        + "."
        for scenario, heading in PANELS
        if panels[scenario]
    )
