"""A thundering herd: clients let loose on the same instant, herd after herd, each larger."""

from scenarios.model import Herd, Scenario

HERDS = (1, 2, 4, 8, 16, 32)
ROUNDS = 2
SPACING = 0.04  # windows between herds; each has a key of its own

SCENARIO = Scenario(
    name="burst",
    summary="herds of 1, 2, 4 … clients at the same instant, twice the limit on a fresh key",
    phases=tuple(
        Herd(
            start=SPACING * (round_ * len(HERDS) + place),
            requests=2.0,
            clients=clients,
            key=f"herd-{clients}-{round_}",
        )
        for round_ in range(ROUNDS)
        for place, clients in enumerate(HERDS)
    ),
    checks=("overshoot", "false-rejection", "remaining", "retry-after"),
)
