"""One client, back to back: many requests within one reading of a millisecond clock."""

from scenarios.model import Herd, Scenario

SCENARIO = Scenario(
    name="same_instant",
    summary="one client sends four times the limit back to back, several in one millisecond",
    phases=tuple(
        Herd(start=0.05 * round_, requests=4.0, clients=1, key=f"round-{round_}")
        for round_ in range(4)
    ),
    checks=("overshoot", "false-rejection", "remaining", "retry-after"),
    clients=1,
    sequential=True,
)
