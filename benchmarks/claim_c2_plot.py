"""The plot of claim C2."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmarks.claim_c2_rows import CLAIMED, Row

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")  # told apart by colour-blind eyes too
MARKERS = ("o", "s", "^", "D")


def draw(rows: Sequence[Row], path: Path) -> None:
    """Overshoot and use of the quota over the achieved rate, as a PNG."""
    figure = Figure(figsize=(9, 7), layout="constrained")
    FigureCanvasAgg(figure)
    over, fill = figure.subplots(2, 1, sharex=True)
    figure.suptitle("C2: requests a second on one key, 16 clients, real Redis")
    _curves(over, rows, lambda row: 100 * row.overshoot / row.limit)
    over.set_ylabel("certain overshoot, worst window\n(% of the limit)")
    _curves(fill, rows, lambda row: 100 * row.filled)
    fill.set_ylabel("admitted (% of the quota)")
    fill.set_xlabel("achieved requests a second")
    fill.set_xscale("log")
    fill.axhline(100, color="grey", linewidth=0.8)
    for axes in (over, fill):
        axes.axvline(CLAIMED, color="grey", linestyle="--", linewidth=0.8)
        axes.set_ylim(bottom=0 if axes is fill else None)
        axes.grid(alpha=0.3)
    over.annotate("claimed bound", (CLAIMED, 0), (4, 4), textcoords="offset points", color="grey")
    over.legend()
    figure.savefig(path, dpi=110, metadata={"Software": None})


def _curves(axes: Axes, rows: Sequence[Row], height: Callable[[Row], float]) -> None:
    kinds = list(dict.fromkeys((row.limiter, row.limit, row.window) for row in rows))
    for number, kind in enumerate(kinds):
        own = sorted(
            (row for row in rows if (row.limiter, row.limit, row.window) == kind),
            key=lambda row: row.achieved,
        )
        limiter, limit, window = kind
        axes.plot(
            [row.achieved for row in own],
            [height(row) for row in own],
            color=COLOURS[number % len(COLOURS)],
            marker=MARKERS[number % len(MARKERS)],
            label=f"{limiter}, {limit} in {window:g} s",
        )
