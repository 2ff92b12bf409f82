"""Numbers as a person reads them."""

from __future__ import annotations

import math


def count(number: float | None) -> str:
    """12,345; a dash where there is none."""
    if number is None or not math.isfinite(number):
        return "-"
    return f"{number:,.0f}"


def si(number: float | None, unit: str = "") -> str:
    """1.2 k, 3.4 M: three digits at most; a dash where there is none."""
    if number is None or not math.isfinite(number):
        return "-"
    for power, prefix in ((9, "G"), (6, "M"), (3, "k")):
        if abs(number) >= 10**power:
            return f"{number / 10**power:.3g} {prefix}{unit}"
    return f"{number:.3g} {unit}".strip()
