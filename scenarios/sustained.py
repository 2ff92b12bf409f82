"""Far above the limit for many windows, on one hot key."""

from scenarios.model import Saturate, Scenario

SCENARIO = Scenario(
    name="sustained",
    summary="every client as fast as it can on one key, for many windows",
    phases=(Saturate(start=0.0, duration=4.5),),
    checks=("overshoot", "false-rejection", "remaining", "retry-after", "memory"),
)
