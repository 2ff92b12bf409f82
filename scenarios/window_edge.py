"""The classic hole of fixed windows: the limit just before an edge and again just after it.

The first request starts a window where windows start with a request; the scenario itself starts
on an edge of the wall clock where they are cut from it. Either way the next edge is one window on.
"""

from scenarios.model import Herd, Scenario

BEFORE, AFTER = 0.92, 1.03  # windows; both herds lie well within one window's length

SCENARIO = Scenario(
    name="window_edge",
    summary="one client sends the limit just before the edge of a window and again just after",
    phases=(
        Herd(start=0.02, requests=0.0, clients=1),
        Herd(start=BEFORE, requests=1.0, clients=1),
        Herd(start=AFTER, requests=1.0, clients=1),
    ),
    checks=("overshoot", "false-rejection", "remaining", "retry-after"),
    clients=1,
    aligned=True,
    sequential=True,
)
