"""Which key belongs to which limiter: a prefix anywhere, and on our own server all the rest."""

from __future__ import annotations

import redis

from limitproof.load.sampler import Sampler


def test_a_namespace_before_the_prefix_is_seen(client: redis.Redis) -> None:
    client.set("LIMITS:run:a:hot", 1)
    client.set("somebody:else", 1)
    sampler = Sampler(client)
    sampler.sample(["run:a:"], 1)
    assert sampler.series("run:a:").names == ("LIMITS:hot",)


def test_a_prefix_is_no_pattern(client: redis.Redis) -> None:
    client.set("r*n[a]:hot", 1)
    client.set("ruin[a]:hot", 1)
    sampler = Sampler(client)
    sampler.sample(["r*n[a]:"], 1)
    assert sampler.series("r*n[a]:").names == ("hot",)


def test_a_hashed_key_on_our_server_belongs_to_who_runs(client: redis.Redis) -> None:
    sampler = Sampler(client, ours=True)
    client.set("5f4dcc3b", 1)
    sampler.sample(["a:"], 1)
    client.set("index", 1)
    sampler.sample(["a:", "b:"], 2)
    assert sampler.series("a:").names == ("5f4dcc3b",)
    assert sampler.series("b:").names == ("index",)
    sampler.forget("a:")
    sampler.sample(["b:"], 3)
    assert sampler.series("b:").names == ("index",)
