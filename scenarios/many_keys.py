"""Many users, some of them busy: a Zipf choice over many keys."""

from scenarios.model import Keys, Saturate, Scenario

SCENARIO = Scenario(
    name="many_keys",
    summary="every client as fast as it can over 200 keys, chosen by Zipf's law",
    phases=(Saturate(start=0.0, duration=2.0),),
    checks=("overshoot", "false-rejection", "remaining", "retry-after"),
    keys=Keys(count=200, skew=1.1),
)
