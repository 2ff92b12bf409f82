"""Nothing of a run stays on a server that is not ours, and nothing of anybody else's goes."""

from __future__ import annotations

from dataclasses import replace

import redis

from limitproof.load.engine import clean_up, watch_after
from limitproof.servers.handle import Server
from limitproof.servers.spawn import spawned
from tests.history.samples import META

PREFIX = "limitproof:1:a[b]*:"


def test_only_keys_with_the_prefix_are_removed(server: Server, client: redis.Redis) -> None:
    ours = [f"{PREFIX}x", f"LIMITS:{PREFIX}y", f"{PREFIX}{{tag}}z"]
    others = ["limitproof:1:ab:x", "limitproof:1:a[b]c:x", "x", PREFIX[:-1]]
    client.mset(dict.fromkeys([*ours, *others], 1))
    clean_up(replace(server, spawned=False), PREFIX)
    assert {key.decode() for key in client.scan_iter()} == set(others)


def test_many_keys_are_removed(server: Server, client: redis.Redis) -> None:
    client.mset({f"{PREFIX}{n}": n for n in range(3000)})
    clean_up(replace(server, spawned=False), PREFIX)
    assert client.dbsize() == 0


def test_our_own_server_ends_with_its_keys(server: Server, client: redis.Redis) -> None:
    client.set(f"{PREFIX}x", 1)
    clean_up(server, PREFIX)
    assert client.exists(f"{PREFIX}x")


def test_a_server_that_went_away_has_nothing_to_clean() -> None:
    with spawned() as server:
        pass
    gone = replace(server, spawned=False)
    assert not gone.alive()
    clean_up(gone, PREFIX)


def test_keys_are_watched_for_longer_than_a_late_expiry_takes() -> None:
    for window in (0.05, 1.0, 60.0):
        for checks in ((), ("overshoot", "expiry")):
            meta = replace(META, window=window, checks=checks)
            assert watch_after(meta) > max(2 * window, window + 2)


def test_nobody_waits_for_keys_whose_end_is_not_judged() -> None:
    assert watch_after(replace(META, checks=("overshoot", "memory"))) == 0.0
