"""A client that was refused a lot and then behaves: its refused requests must not haunt it."""

from scenarios.model import Paced, Saturate, Scenario

SCENARIO = Scenario(
    name="hammer_then_calm",
    summary="one window of hammering, then one client at half the limit",
    phases=(
        Saturate(start=0.0, duration=1.0, clients=4),
        Paced(start=1.0, duration=2.0, rate=0.5, clients=1),
    ),
    checks=("overshoot", "false-rejection", "contamination", "remaining", "retry-after"),
    clients=4,
)
