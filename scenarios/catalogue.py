"""Every scenario by its name, and the stages in which a full run goes through them."""

from __future__ import annotations

import difflib

from scenarios import (
    burst,
    hammer_then_calm,
    idle,
    many_keys,
    same_instant,
    sustained,
    take_turns,
    window_edge,
)
from scenarios.model import Scenario

SCENARIOS: tuple[Scenario, ...] = (
    burst.SCENARIO,
    window_edge.SCENARIO,
    sustained.SCENARIO,
    hammer_then_calm.SCENARIO,
    same_instant.SCENARIO,
    many_keys.SCENARIO,
    idle.SCENARIO,
    take_turns.SCENARIO,
)

CONTROLS: tuple[Scenario, ...] = tuple(s for s in SCENARIOS if s.sequential)
"""Scenarios without any interleaving: what fails here is the algorithm's fault."""

STAGES: tuple[tuple[str, ...], ...] = (
    ("same_instant",),
    ("burst",),
    ("sustained", "window_edge", "hammer_then_calm", "take_turns", "many_keys", "idle"),
)
"""A full run. Scenarios of one stage run side by side on keys of their own; the first two need
the machine to themselves, because they are about instants."""


def scenario(name: str) -> Scenario:
    """The scenario of that name; ValueError with the nearest names when there is none."""
    for candidate in SCENARIOS:
        if candidate.name == name:
            return candidate
    names = [candidate.name for candidate in SCENARIOS]
    near = difflib.get_close_matches(name, names, n=2)
    advice = f"did you mean {' or '.join(near)}?" if near else f"choose from {', '.join(names)}"
    raise ValueError(f"no scenario {name!r}; {advice}")
