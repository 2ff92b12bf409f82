"""Two clients in two processes, one request at a time: the control without any interleaving."""

from scenarios.model import Paced, Scenario

SCENARIO = Scenario(
    name="take_turns",
    summary="two clients of different processes take turns at twice the limit, never at once",
    phases=(Paced(start=0.0, duration=2.5, rate=2.0),),
    checks=("overshoot", "false-rejection", "contamination", "remaining", "retry-after"),
    clients=2,
    sequential=True,
)
