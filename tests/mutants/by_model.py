"""`python -m tests.mutants.by_model TARGET`: a plain judge, to compare `limitproof verify` with.

The limiter plays a thousand requests, drawn from a fixed seed, against its exact model, on a
server whose clock is set by hand; some replies are lost, scripts are flushed. Prints the JSON
that `limitproof verify --json -` prints, as far as that is read here; ends with 1 at a difference.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from itertools import product
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.connection import UnixDomainSocketConnection
from redis.retry import Retry

from limiters.contract import Decision, Quota
from limiters.registry import resolve
from limitproof.servers.virtual import START, VirtualServer, virtual_server
from tests.limiters.models import (
    Bucket,
    Model,
    MonotoneLog,
    PrunedLog,
    SlidingLog,
    VirtualScheduling,
    refused,
)

WINDOWS = (3, 1000, 999_999, 1_500_000, 60_000_000)  # microseconds
STEADY = ("gcra", "token_bucket", "list_window", "watch_multi")
"""Those whose answers and times to live are exact also when the server's clock steps back."""
TWICE = ("lua_atomic", "lua_atomic_client_clock", "watch_multi")
"""Those that answer a request which comes twice; the others let nothing be sent again."""
CASES = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ:"


class Counter:
    """A fixed window: from its first request, until the millisecond after it has passed."""

    def __init__(self, limit: int, window: int) -> None:
        self.limit, self.window = limit, -(-window // 1000)
        self.count, self.ends = 0, 0

    def acquire(self, now: int, cost: int) -> Decision:
        if now // 1000 > self.ends or not self.count:
            self.count, self.ends = 0, now // 1000 + self.window
        self.count += cost
        left = max(0, self.limit - self.count)
        if self.count <= self.limit:
            return Decision(True, left)
        return refused(left, (self.ends - now // 1000) * 1000)


MODELS: dict[str, type[Model]] = {
    "lua_atomic": PrunedLog,
    "lua_atomic_client_clock": PrunedLog,
    "fixed_window": Counter,
    "gcra": VirtualScheduling,
    "token_bucket": Bucket,
    "list_window": MonotoneLog,
    "watch_multi": SlidingLog,
}


class Losing(UnixDomainSocketConnection):
    """Loses the next reply after `armed` is set, when it is one to a script or EXEC."""

    armed = False

    def read_response(self, *args: Any, **kwargs: Any) -> Any:
        reply = super().read_response(*args, **kwargs)
        if type(self).armed and isinstance(reply, list) and reply[:1] not in ([], [b"OK"]):
            type(self).armed = False
            self.disconnect()  # type: ignore[no-untyped-call]
            raise redis.ConnectionError("the reply was lost")
        return reply


def differences(target: str) -> Iterator[tuple[str, str]]:
    """Checks that a limiter fails, with what was seen; the first of each story."""
    name = sys.modules[resolve(target).factory.__module__].__dict__.get("LIMITER", target)
    with virtual_server() as virtual:
        for number, (limit, window) in enumerate(product(range(1, 6), WINDOWS)):
            draw = random.Random(number)
            try:
                # Later than the last: what has expired would be there again.
                now = START + number * 10**12 + draw.randint(0, 10**9)
                yield from _story(target, name, virtual, window, limit, now, draw)
            except (redis.RedisError, ArithmeticError, LookupError, TypeError, ValueError) as error:
                yield "contract", f"{type(error).__name__}: {error}"


def _story(
    target: str,
    name: str,
    virtual: VirtualServer,
    window: int,
    limit: int,
    now: int,
    draw: random.Random,
) -> Iterator[tuple[str, str]]:
    path = virtual.server.url.removeprefix("unix://")
    pool = redis.ConnectionPool(connection_class=Losing, path=path, retry=Retry(NoBackoff(), 3))
    virtual.set(now)
    factory: Any = resolve(target).factory
    weighs = name != "fixed_window"
    back = name in STEADY and draw.random() < 0.4
    with redis.Redis(connection_pool=pool) as client, virtual.server.client() as other:
        made = [factory(client, Quota(limit, window / 1e6), lambda: now / 1e6) for _ in range(2)]
        keys = ["".join(draw.choices(CASES, k=80)), "a:b", "A:b", "a:B"]
        models = {key: MODELS[name](limit, window) for key in keys}
        other.delete(*other.keys(), "")  # not FLUSHALL: see limitproof.servers.virtual
        for _ in range(80):
            steps = [0, 0, 1, window // limit, window - 1, window, draw.randint(0, window)]
            now += draw.choice([*steps, *([-1, -window] if back else [])])
            key = draw.choice([*keys, *keys[:1] * 4])
            cost = draw.choice([1, 1, 1, 2, limit, limit + 1])
            arguments = (key, cost) if weighs else (key,)
            model = models[key]
            if isinstance(model, Counter) and now // 1000 == model.ends:
                now += 1000  # Redis may drop a key in its last millisecond or after it
            virtual.set(now)
            Losing.armed = name in TWICE and draw.random() < 0.2
            if draw.random() < 0.1:
                other.script_flush()
            told = draw.choice(made).acquire(*arguments)
            Losing.armed = False
            wanted = model.acquire(now, cost if weighs else 1)
            if told != wanted or type(told.allowed) is not bool:
                yield "model", f"told {told}, and {wanted} is right"
                return
            expires = other.pexpiretime(key)
            if back:  # a key that has expired would not come back with the clock
                other.persist(key)
                continue
            if expires == -1 or (told.allowed and expires * 1000 < now - 1000):
                yield "expiry", f"expires at {expires}"
            if _size(other, key) > max(limit, 3):
                yield "memory", f"{_size(other, key)} elements for a limit of {limit}"
            if expires * 1000 > now + 2 * window + 2000:
                yield "expiry", f"expires at {expires}, long after the window"
        if unknown := set(other.keys()) - {key.encode() for key in keys}:
            yield "isolation", f"keys of nobody: {unknown}"
            other.delete(*unknown)
    pool.disconnect()
    with virtual.server.client() as plain:
        large = factory(plain, Quota(2500, 60.0), lambda: now / 1e6)
        plain.delete("large")
        costs = (999, 1000, 400, 102, 101) if weighs else ()
        taken = [large.acquire("large", cost).allowed for cost in costs]
        if taken not in ([], [True, True, True, False, True]):
            yield "weights", f"{costs} of 2,500"
        try:
            large.acquire("large", 0)
            yield "contract", "a cost of 0 is no error"
        except ValueError:
            pass
        except TypeError:
            if weighs:
                raise


def _size(client: redis.Redis, key: str) -> int:
    """How many elements a key holds."""
    counts: dict[bytes, Any] = {b"zset": client.zcard, b"list": client.llen, b"hash": client.hlen}
    kind: Any = client.type(key)
    return counts[kind](key) if kind in counts else 0


def main(target: str) -> int:
    found: dict[str, str] = {}
    for check, seen in differences(target):
        found.setdefault(check, seen)
        if len(found) > 1:
            break
    checks = [
        {"name": name, "verdict": "fail", "because": because} for name, because in found.items()
    ]
    sys.stdout.write(json.dumps({"verdict": "fail" if checks else "pass", "checks": checks}))
    return bool(checks)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
