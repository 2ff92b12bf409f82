"""Limiters with `async def` are asked like any other."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis.asyncio

from limiters.contract import Decision, Quota
from limitproof.load.blocking import Blocking, EventLoop
from limitproof.servers.handle import Server
from tests.load.specimens import Asynchronous


class Weighing:
    """Tells the cost that it was asked for; waits for another client when it is asked to."""

    def __init__(self, others: int = 0) -> None:
        self._arrived, self._others = 0, others
        self._all_here = asyncio.Event()
        self.threads: set[str] = set()

    async def acquire(self, key: str, cost: int = 1) -> Decision:
        self.threads.add(threading.current_thread().name)
        if key == "missing":
            raise KeyError(key)
        self._arrived += 1
        if self._arrived > self._others:
            self._all_here.set()
        await self._all_here.wait()
        return Decision(True, cost)


@pytest.fixture(scope="module")
def loop() -> EventLoop:
    """One for all tests: like the one of a load process it lives as long as the process."""
    return EventLoop()


def test_it_answers_what_the_coroutine_answers(loop: EventLoop) -> None:
    limiter = Blocking(Weighing(), loop)
    assert limiter.acquire("key") == Decision(True, 1)
    assert limiter.acquire("key", 3) == Decision(True, 3)


def test_it_raises_what_the_coroutine_raises(loop: EventLoop) -> None:
    with pytest.raises(KeyError, match="missing"):
        Blocking(Weighing(), loop).acquire("missing")


def test_clients_wait_side_by_side_on_one_loop(loop: EventLoop) -> None:
    """Each is answered only when all have asked."""
    weighing = Weighing(others=4)
    limiter = Blocking(weighing, loop)
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(limiter.acquire, "abcde"))
    assert answers == [Decision(True, 1)] * 5
    assert weighing.threads == {"asyncio"}


def test_any_awaitable_will_do(loop: EventLoop) -> None:
    class Future:
        def __await__(self) -> Iterator[None]:
            yield
            return "done"  # type: ignore[return-value]

    assert loop.run(Future()) == "done"  # type: ignore[arg-type]


def test_a_limiter_on_redis(loop: EventLoop, server: Server, client: redis.Redis) -> None:
    asynchronous = redis.asyncio.Redis.from_url(server.url)
    limiter = Blocking(Asynchronous(asynchronous, Quota(2, 60.0), lambda: 0.0), loop)
    assert [limiter.acquire("key").allowed for _ in range(3)] == [True, True, False]
    assert client.get("key") == b"3"
    loop.run(asynchronous.aclose())
