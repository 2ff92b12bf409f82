"""From a scenario to what one client does: shared by every engine."""

from __future__ import annotations

import random
from array import array
from bisect import bisect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate

from limiters.contract import Quota
from limitproof.history.columns import Key
from scenarios.model import Herd, Keys, Paced, Saturate, Scenario

KeyAt = Callable[[float], Key]
"""The key of a request sent so many seconds after the scenario's start."""


@dataclass(frozen=True, slots=True)
class Send:
    """Send `count` requests back to back, the first one `at` seconds after the start."""

    at: float
    key: Key
    count: int = 1


@dataclass(frozen=True, slots=True)
class Flood:
    """From `start` to `until` (seconds after the start) send, and send again when answered."""

    start: float
    until: float
    key_at: KeyAt


Step = Send | Flood


def script(
    scenario: Scenario, quota: Quota, client: int, clients: int, seed: int
) -> Iterator[Step]:
    """What client number `client` of `clients` does in a scenario, in order of time.

    The same arguments give the same script; floods depend on how fast they are answered.
    """
    rng = random.Random(f"{seed}/{scenario.name}/{client}")
    for phase in scenario.phases:
        active = min(phase.clients or clients, clients)
        if client >= active:
            continue
        if isinstance(phase, Herd):
            if phase.clients > clients:
                continue  # a herd larger than all the clients there are
            key = Key(f"{scenario.name}/{phase.key}", scenario.name, active)
            total = max(1, round(phase.requests * quota.limit))
            count = total // active + (client < total % active)
            if count:
                yield Send(phase.start * quota.window, key, count)
            continue
        key_at = _choice(scenario, phase.keys or scenario.keys, quota, clients, rng)
        start, until = phase.start * quota.window, phase.end * quota.window
        if isinstance(phase, Saturate):
            yield Flood(start, until, key_at)
        else:
            yield from _paced(phase, quota, client, active, key_at)


def _paced(phase: Paced, quota: Quota, client: int, clients: int, key_at: KeyAt) -> Iterator[Send]:
    # Not accumulated: adding a gap of 1/3 a million times drifts by whole gaps.
    total = round(phase.rate * quota.limit * phase.duration)
    gap = quota.window / (phase.rate * quota.limit)
    for number in range(client, total, clients):
        at = phase.start * quota.window + number * gap
        yield Send(at, key_at(at))


def _choice(
    scenario: Scenario, keys: Keys, quota: Quota, clients: int, rng: random.Random
) -> KeyAt:
    lifetime = quota.window / keys.turnover if keys.turnover else None
    if keys.count == 1 and lifetime is None:
        hot = Key(f"{scenario.name}/hot", scenario.name, clients)
        return lambda _at: hot
    weights = _weights(keys.count, keys.skew)

    def key_at(at: float) -> Key:
        rank = bisect(weights, rng.random() * weights[-1], hi=keys.count - 1)
        generation = f"{int(at / lifetime)}-" if lifetime else ""
        return Key(f"{scenario.name}/{generation}{rank}", scenario.name, clients)

    return key_at


@cache
def _weights(count: int, skew: float) -> Sequence[float]:
    """Zipf's law, added up. Made once: a thousand clients with a million keys each are 32 GB."""
    return array("d", accumulate((rank + 1) ** -skew for rank in range(count)))


def seconds(scenario: Scenario, quota: Quota) -> float:
    """The most that a scenario takes, from the barrier to its last request."""
    return (scenario.duration + (1 if scenario.aligned else 0)) * quota.window
