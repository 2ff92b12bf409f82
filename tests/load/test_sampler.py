"""The sampler tells bytes, elements and time to live of every key under its prefixes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import redis

from limitproof.history.columns import StateSeries
from limitproof.load.sampler import Sampler
from limitproof.servers.handle import Server
from limitproof.servers.spawn import spawned

P = "some:prefix:"
Rows = dict[tuple[int, str], tuple[int, int, int]]


def rows(series: StateSeries) -> Rows:
    """(instant, name) → (size, elements, ttl)."""
    columns = (series.instant, series.name, series.size, series.elements, series.ttl)
    return {
        (int(instant), series.names[int(name)]): (int(size), int(elements), int(ttl))
        for instant, name, size, elements, ttl in zip(*columns, strict=True)
    }


@pytest.mark.parametrize(
    ("write", "elements"),
    [
        (lambda c, key: c.set(key, "x" * 500), 1),
        (lambda c, key: c.zadd(key, {f"m{n}": n for n in range(300)}), 300),
        (lambda c, key: c.rpush(key, *range(40)), 40),
        (lambda c, key: c.hset(key, mapping={f"f{n}": n for n in range(7)}), 7),
        (lambda c, key: c.sadd(key, *range(600)), 600),
        (lambda c, key: [c.xadd(key, {"n": n}) for n in range(9)], 9),
        (lambda c, key: c.pfadd(key, 1, 2, 3), 1),
    ],
    ids=["string", "zset", "list", "hash", "set", "stream", "hyperloglog"],
)
def test_every_type_is_measured(
    client: redis.Redis, write: Callable[[redis.Redis, str], Any], elements: int
) -> None:
    write(client, f"{P}key")
    sampler = Sampler(client)
    assert sampler.sample([P], 7) > 0
    size = client.memory_usage(f"{P}key", samples=0)
    assert size
    assert size > 50
    assert rows(sampler.series(P)) == {(7, "key"): (size, elements, -1)}


def test_the_time_to_live_is_in_milliseconds(client: redis.Redis) -> None:
    client.set(f"{P}mortal", 1, px=100_000)
    client.set(f"{P}immortal", 1)
    sampler = Sampler(client)
    sampler.sample([P], 1)
    found = rows(sampler.series(P))
    assert 50_000 < found[1, "mortal"][2] <= 100_000
    assert found[1, "immortal"][2] == -1


def test_keys_come_change_and_go(client: redis.Redis) -> None:
    sampler = Sampler(client)
    sampler.sample([P], 1)
    client.zadd(f"{P}a", {"x": 1})
    sampler.sample([P], 2)
    client.zadd(f"{P}a", {"y": 1})
    client.rpush(f"{P}b", 1, 2, 3)
    sampler.sample([P], 3)
    client.delete(f"{P}a", f"{P}b")
    sampler.sample([P], 4)
    series = sampler.series(P)
    assert series.instants.tolist() == [1, 2, 3, 4]  # also those that saw nothing
    assert {at: found[1] for at, found in rows(series).items()} == {
        (2, "a"): 1, (3, "a"): 2, (3, "b"): 3,
    }  # fmt: skip


def test_a_key_that_becomes_another_type_is_known_again_after_one_sample(
    client: redis.Redis,
) -> None:
    sampler = Sampler(client)
    client.zadd(f"{P}a", {"x": 1})
    sampler.sample([P], 1)
    client.delete(f"{P}a")
    client.rpush(f"{P}a", 1, 2)
    sampler.sample([P], 2)
    sampler.sample([P], 3)
    assert {at: found[1] for at, found in rows(sampler.series(P)).items()} == {
        (1, "a"): 1, (3, "a"): 2,
    }  # fmt: skip


def test_a_key_that_vanishes_while_it_is_looked_at_is_left_out(
    client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.set(f"{P}stays", 1)
    client.set(f"{P}goes", 1)
    scan = client.scan_iter

    def scanned(*arguments: Any, **options: Any) -> list[bytes]:
        found = list(scan(*arguments, **options))
        client.delete(f"{P}goes")
        return found

    monkeypatch.setattr(client, "scan_iter", scanned)
    sampler = Sampler(client)
    sampler.sample([P], 1)
    assert list(rows(sampler.series(P))) == [(1, "stays")]


def test_a_name_need_not_be_text(client: redis.Redis) -> None:
    client.zadd(P.encode() + b"\xff\x00\n", {"x": 1, "y": 2})
    client.set(f"{P}schlüssel", 1)
    sampler = Sampler(client)
    sampler.sample([P], 1)
    found = rows(sampler.series(P))
    assert set(found) == {(1, "\\xff\x00\n"), (1, "schlüssel")}
    assert found[1, "\\xff\x00\n"][1] == 2


def test_a_client_that_decodes_is_as_good(server: Server, client: redis.Redis) -> None:
    client.rpush(f"{P}a", 1, 2)
    with server.client(decode_responses=True) as decoding:
        sampler = Sampler(decoding)
        sampler.sample([P], 1)
    assert rows(sampler.series(P))[1, "a"][1] == 2


def test_each_prefix_has_a_series_of_its_own(client: redis.Redis) -> None:
    for name in ("one:a", "two:a", "other:a"):
        client.set(name, 1)
    sampler = Sampler(client)
    sampler.sample(["one:", "two:"], 1)
    sampler.sample(["two:"], 2)
    assert list(rows(sampler.series("one:"))) == [(1, "a")]
    assert list(rows(sampler.series("two:"))) == [(1, "a"), (2, "a")]
    assert len(sampler.series("other:")) == 0
    sampler.forget("two:")
    sampler.forget("never seen:")
    assert len(sampler.series("two:").instants) == 0
    assert sampler.series("one:").instants.tolist() == [1]


def test_many_keys_are_all_seen(client: redis.Redis) -> None:
    count = 1234  # more than one batch
    client.mset({f"{P}{n}": n for n in range(count)})
    sampler = Sampler(client)
    sampler.sample([P], 1)
    assert {name for _, name in rows(sampler.series(P))} == {str(n) for n in range(count)}


def test_it_only_reads(client: redis.Redis) -> None:
    client.zadd(f"{P}a", {"x": 1}, nx=True)
    client.pexpire(f"{P}a", 100_000)
    client.config_resetstat()
    Sampler(client).sample([P], 1)
    asked = {name.removeprefix("cmdstat_") for name in client.info("commandstats")}
    assert asked <= {"scan", "type", "memory|usage", "pttl", "zcard", "info", "config|resetstat"}
    assert asked >= {"scan", "memory|usage"}


def test_a_server_that_went_away_is_told() -> None:
    with spawned() as server, server.client() as connected:
        sampler = Sampler(connected)
        connected.set(f"{P}a", 1)
        sampler.sample([P], 1)
        connected.shutdown(nosave=True)
        with pytest.raises(redis.RedisError):
            sampler.sample([P], 2)
        assert list(rows(sampler.series(P))) == [(1, "a")]
