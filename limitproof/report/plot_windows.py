"""Admitted in the last window, over time, against the limit: one small plot a limiter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, MaxNLocator

from limitproof.events import LimiterJudged
from limitproof.report.canvas import Picture, Theme, develop, dress, headline, new_figure, short
from limitproof.report.numbers import count, si
from limitproof.report.series import Window, fullest_window

MOST_POINTS = 2000
COLUMNS = 4
WIDTH = 12.0  # inches


def draw_windows(judged: Sequence[LimiterJudged], theme: Theme) -> Picture | None:
    """Small multiples, in the order of the run; None where nothing was asked of any limiter."""
    windows = ((one, _window(one)) for one in judged)
    found = [(one, window) for one, window in windows if window is not None and len(window.counts)]
    if not found:
        return None
    columns = min(COLUMNS, len(found))
    rows = -(-len(found) // columns)
    height = 1.1 + (1.7 if columns > 1 else 3.0) * rows
    figure = new_figure(WIDTH, height, theme)
    over = sum(window.peak > one.history.meta.limit for one, window in found)
    title = (
        f"{over} of {len(found)} limiters admit more than the limit in one window"
        if len(found) > 1
        else _one_title(*found[0])
    )
    below = "Requests admitted within one window on the key that got most. Red: beyond the limit"
    if any(one.history.meta.promise.get("kind") == "fixed" for one, _ in found):
        below += "; fixed windows promise no better than twice it (dashed)"
    headline(figure, theme, title, f"{below}." + " Scales differ." * (len(found) > 1))
    grid = figure.subplots(rows, columns, squeeze=False)
    figure.subplots_adjust(
        left=0.04, right=0.955, top=1 - 1.2 / height, bottom=0.45 / height, wspace=0.32, hspace=0.66
    )
    for axes, (one, window) in zip(grid.flat, found, strict=False):
        _draw(axes, one, window, theme)
    for axes in grid.flat[len(found) :]:
        axes.set_visible(False)
    for axes in grid.flat[max(0, len(found) - columns) : len(found)]:
        axes.set_xlabel("seconds")
    drawn = sum(len(window.counts) for _, window in found)
    total = sum(window.total for _, window in found)
    note = "Counted for certain: requests whose call began and ended within the window."
    if drawn < total:
        note += (
            f" {count(drawn)} of {count(total)} points are drawn, at most {count(MOST_POINTS)} a "
            "limiter; lowest and highest are kept."
        )
    return develop(figure, "windows", title, _told(found), note)


def _window(one: LimiterJudged) -> Window | None:
    """The fullest window; its peak is the check's where both count the same.

    The check may know of more than is certain of each request: that all instants together cannot
    be chosen so that there are fewer.
    """
    check = one.judgement.check("overshoot")
    proof = check.evidence if check else None
    window = fullest_window(one.history, MOST_POINTS, proof.key if proof else "")
    meta = one.history.meta
    sliding = meta.promise.get("kind") == "sliding" and meta.promise.get("window") == meta.window
    if check is None or window is None or not sliding:
        return window
    return replace(window, peak=max(window.peak, int(check.measured.get("peak") or 0)))


def _draw(axes: Axes, one: LimiterJudged, window: Window, theme: Theme) -> None:
    limit, fixed = one.history.meta.limit, one.history.meta.promise.get("kind") == "fixed"
    beyond = window.peak > limit
    dress(axes, theme, size=8)
    axes.grid(visible=False)
    seconds, counts = window.seconds, window.counts.astype(np.float64)
    below, above = np.minimum(counts, limit), np.maximum(counts, limit)
    axes.fill_between(seconds, below, step="post", color=theme.calm, linewidth=0)
    if beyond:
        axes.fill_between(seconds, limit, above, step="post", color=theme.alarm, linewidth=0)
    top = max(window.peak * 1.1, limit * (2.3 if fixed else 1.4))
    axes.set_ylim(0, top)
    axes.set_xlim(min(0.0, float(seconds[0])), float(seconds[-1]) or 1.0)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
    axes.axhline(limit, color=theme.ink, linewidth=1.2)
    _beside(axes, limit, "limit", theme)
    if fixed:
        axes.axhline(2 * limit, color=theme.ink, linewidth=0.9, linestyle=(0, (4, 3)))
        _beside(axes, 2 * limit, "twice", theme)
    ticks = [0, limit, *([2 * limit] if fixed else [window.peak] if beyond else [])]
    apart = [at for at, after in zip(ticks, [*ticks[1:], 2 * top], strict=True)
             if after - at > 0.12 * top]  # fmt: skip
    axes.yaxis.set_major_locator(FixedLocator(apart))
    axes.yaxis.set_major_formatter(lambda value, _: si(value))
    axes.set_title(
        short(one.limiter, 30), loc="left", size=9.5, fontweight="bold", color=theme.ink, pad=17
    )
    where = short(window.key.scenario or window.key.name, 24)
    axes.annotate(
        f"{where}: at most {count(window.peak)} of {count(limit)}", xy=(0, 1), xytext=(0, 5.5),
        xycoords="axes fraction", textcoords="offset points", size=8,
        color=theme.alarm if beyond else theme.muted,
    )  # fmt: skip


def _beside(axes: Axes, height: float, text: str, theme: Theme) -> None:
    axes.text(
        1.015, height, text, size=7.5, color=theme.ink, ha="left", va="center",
        transform=axes.get_yaxis_transform(),
    )  # fmt: skip


def _one_title(one: LimiterJudged, window: Window) -> str:
    limit, name = count(one.history.meta.limit), short(one.limiter)
    if window.peak > one.history.meta.limit:
        return f"{name} admits {count(window.peak)} in one window where {limit} may be"
    return f"{name} admits no more than {limit} in one window"


def _told(found: Sequence[tuple[LimiterJudged, Window]]) -> str:
    limit = count(found[0][0].history.meta.limit)
    peaks = ", ".join(f"{short(one.limiter, 40)} {count(window.peak)}" for one, window in found)
    return f"The most that was admitted in one window, where {limit} is the limit: {peaks}."
