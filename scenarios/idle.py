"""Users who come once and never return: what they leave behind must vanish by itself."""

from scenarios.model import Keys, Paced, Scenario

SCENARIO = Scenario(
    name="idle",
    summary="ever new keys, each used a few times and left; then silence",
    phases=(Paced(start=0.0, duration=3.5, rate=10.0),),
    checks=("memory", "expiry"),
    clients=2,
    keys=Keys(count=10, skew=0.0, turnover=4.0),
    idle=3.0,
)
