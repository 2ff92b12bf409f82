"""What the limiters' keys take on the server, over time: a hot key, and ever new ones."""

from __future__ import annotations

from collections.abc import Sequence

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
PANELS = (
    ("sustained", "One hot key, hammered"),
    ("idle", "Ever new keys, used and left"),
)


def draw_memory(judged: Sequence[LimiterJudged], theme: Theme) -> Picture | None:
    """Two panels, a line a limiter; those that fail `memory` or `expiry` have a colour."""
    panels = {scenario: _series(judged, scenario) for scenario, _ in PANELS}
    if not any(panels.values()):
        return None
    leaks = [one.limiter for one in judged if _leaks(one)]
    coloured = leaks if len(judged) > 1 else [judged[0].limiter]
    style = {name: style_of(number, theme) for number, name in enumerate(coloured)}
    title = f"{len(leaks)} of {len(judged)} limiters keep more than the quota explains"
    below = "Bytes of all keys of a limiter on the server, over time. "
    if len(judged) > 1:
        below += "Coloured: fails memory or expiry; grey: does not. "
    else:
        title = f"{short(judged[0].limiter)} {_found(judged[0])}"
    figure = new_figure(WIDTH, HEIGHT, theme)
    headline(figure, theme, title, below + "The traffic ends at the dashed line.")
    width = 0.325 if len(judged) > 1 else 0.42  # names stand at the right
    highest = max(int(memory.size.max()) for found in panels.values() for _, memory in found)
    for place, (scenario, heading) in enumerate(PANELS):
        axes = figure.add_axes((0.055 + place * 0.485, 0.115, width, 0.645))
        _panel(axes, panels[scenario], style, highest, theme, named=len(judged) > 1)
        axes.set_title(heading, loc="left", size=11, fontweight="bold", color=theme.ink, pad=12)
    samples = sum(len(memory.size) for found in panels.values() for _, memory in found)
    note = f"{samples:,} samples (MEMORY USAGE), at most {MOST_POINTS:,} drawn a line."
    return develop(figure, "memory", title, _told(panels), note)


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
    *,
    named: bool,
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
    end = max(float(memory.seconds[-1]) for _, memory in found)
    axes.set_xlim(0, end or 1.0)
    last = max(memory.last for _, memory in found)
    axes.axvline(last, color=theme.muted, linewidth=0.9, linestyle=(0, (4, 3)))
    quiet = [memory for name, memory in found if name not in style]
    for memory in quiet:
        _line(axes, memory, color=theme.quiet, linewidth=1.1, alpha=0.85)
    wanted = []
    for name, memory in found:
        if name in style:
            colour, marker = style[name]
            _line(
                axes, memory, color=colour, linewidth=1.9, marker=marker, markersize=5,
                markevery=(0.05, 0.2), markeredgecolor=theme.paper, markeredgewidth=0.5, zorder=3,
            )  # fmt: skip
            if not named:
                continue
            wanted.append((_height(axes, memory), name, colour))
    wanted.sort()
    places = spread([height for height, _, _ in wanted], 0.052, 0.0, 1.0)
    for place, (height, name, colour) in zip(places, wanted, strict=True):
        axes.annotate(
            short(name, 28), xy=(1.0, height), xytext=(1.04, place), xycoords="axes fraction",
            textcoords="axes fraction", color=colour, size=8.5, va="center", annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.7, "shrinkA": 0},
        )  # fmt: skip


def _line(axes: Axes, memory: Memory, **looks: object) -> None:
    kept = thin(memory.size, MOST_POINTS)
    axes.plot(memory.seconds[kept], memory.size[kept], **looks)  # type: ignore[arg-type]


def _height(axes: Axes, memory: Memory) -> float:
    """Where a line ends, as a share of the axes' height."""
    at = axes.transData.transform((0.0, float(memory.size[-1])))
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
