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


def between(begin: int, end: int, zero: int) -> str:
    """A stretch, told from `zero` on: "at 5 ms", or "between 5 ms and 6 ms"."""
    first, last = ms(begin - zero), ms(end - zero)
    return f"at {first}" if first == last else f"between {first} and {last}"


def asked_at(tale: Tale, one: Operation) -> str:
    """When a request was under way, from the beginning of its act."""
    ended = one.begun if one.ended is None else one.ended
    return between(one.begun, ended, origin(tale, one.act))


def requests(count: float) -> str:
    """ "1 request", "3 requests", "2.5 requests"."""
    return "1 request" if count == 1 else f"{count:,.6g} requests"


def costing(one: Operation) -> str:
    """ "", or " of cost 3"."""
    return "" if one.weight == 1 else f" of cost {one.weight}"
