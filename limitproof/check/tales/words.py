"""Instants, spans and figures as the sentence of a judge tells them."""

from __future__ import annotations

from limitproof.stories import Operation, Tale

EDGES = "1 ms at the edges is not counted"


def origin(tale: Tale, act: int = 0) -> int:
    """From when the instants of an act are told: its first request (µs since the epoch)."""
    return min((one.begun for one in tale.operations if one.act == act), default=0)


def ms(microseconds: float) -> str:
    """1,001.5 ms: three decimals at most, none where there are none."""
    text = f"{microseconds / 1_000:,.3f}".rstrip("0").rstrip(".")
    return f"{text} ms"


def at(tale: Tale, instant: int, act: int = 0) -> str:
    """An instant from the beginning of its act: "at 1,001 ms"."""
    return f"at {ms(instant - origin(tale, act))}"


def asked_at(tale: Tale, one: Operation) -> str:
    """When a request was asked: "at 5 ms", or "between 5 ms and 6 ms"."""
    first = one.begun - origin(tale, one.act)
    if one.ended is None or one.ended == one.begun:
        return f"at {ms(first)}"
    return f"between {ms(first)} and {ms(one.ended - origin(tale, one.act))}"


def requests(count: float) -> str:
    """ "1 request", "3 requests", "2.5 requests"."""
    return "1 request" if count == 1 else f"{count:,.6g} requests"


def costing(one: Operation) -> str:
    """ "", or " of cost 3"."""
    return "" if one.weight == 1 else f" of cost {one.weight}"
