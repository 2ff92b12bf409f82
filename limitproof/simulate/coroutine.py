"""Limiters with `async def` in a simulated client: an event loop in which nobody waits really.

The loop is asyncio's own. Its selector never blocks: where it would wait for a timer, the client
sleeps in virtual time. A command leaves in `drain`, which is a scheduling point like `sendall` of
a blocking connection: the client's greenlet is left there, coroutine and all.
"""

from __future__ import annotations

import asyncio
import selectors
import sys
from asyncio import events
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import greenlet
import redis.asyncio
from redis.asyncio.connection import UnixDomainSocketConnection

from limitproof.simulate.immortal import keep_for_ever
from limitproof.simulate.refusal import RefusedError
from limitproof.simulate.wire import Ask, Wire, open_socket, version_of_redis_py

T = TypeVar("T")
WAKE: Any = asyncio.futures._set_result_unless_cancelled  # type: ignore[attr-defined]
PATIENCE = 1.0  # seconds of real time for a thread that the limiter has started


@contextmanager
def not_running() -> Iterator[None]:
    """While one client waits within its loop, another may run its own.

    asyncio keeps the running loop, and the hooks of asynchronous generators, for a thread; all
    clients are in one thread.
    """
    loop, hooks = events._get_running_loop(), sys.get_asyncgen_hooks()
    if loop is None:
        yield
        return
    events._set_running_loop(None)
    sys.set_asyncgen_hooks(None, None)
    try:
        yield
    finally:
        events._set_running_loop(loop)
        sys.set_asyncgen_hooks(*hooks)


class Coroutines:
    """What an `async def` limiter needs: a client of redis.asyncio, and a loop to run in.

    A request's tasks go on in one order only, whatever others there are: a command's reply is there
    as soon as it is awaited. overlaps: whether a request had tasks of which another might have
    gone first. undead: whether a task went on when it was cancelled.
    """

    def __init__(self, path: str, ask: Ask) -> None:
        # What an application gets by default, retries included, but for the connections' class.
        self.client = redis.asyncio.Redis(unix_socket_path=path, **version_of_redis_py())
        self._pool: Any = self.client.connection_pool
        self._pool.connection_class = SimulatedConnection
        self._pool.connection_kwargs["ask"] = ask
        self._loop: asyncio.AbstractEventLoop | None = None
        self._request: asyncio.Task[Any] | None = None
        self.closing = self.overlaps = self.undead = False

    @contextmanager
    def loop(self, sleep: Callable[[float], None]) -> Iterator[None]:
        """A loop for the length of the `with`; `sleep` lets the client sleep (seconds)."""
        self.undead = False
        selector = _Selector(sleep)
        loop = asyncio.SelectorEventLoop(selector)
        # A timer is due when time() + resolution is above it: in seconds since the epoch, a float
        # does not tell 1e-9 apart, and a timer that is due just now would never be.
        loop._clock_resolution = 1e-6  # type: ignore[attr-defined]
        loop.set_exception_handler(_say)
        self._loop = loop
        try:
            yield
        finally:
            self.closing = selector.closing = True
            try:
                _cancel_all(loop)
            finally:
                for task in asyncio.all_tasks(loop):
                    keep_for_ever(task)
                    self.undead = True
                self._loop, self.closing = None, False
                loop.close()

    def run(self, awaitable: Awaitable[T]) -> T:
        """What the awaitable gives; raises what it raises."""

        async def wait() -> T:
            self._request = asyncio.current_task()
            return await awaitable

        assert self._loop is not None
        try:
            return self._loop.run_until_complete(wait())
        finally:
            # Of a request that is over; one that is ended where it stands is there itself, too.
            left = asyncio.all_tasks(self._loop)
            self.overlaps |= bool(left) and self._request not in left

    def look(self) -> None:
        """Called as a task sends: whether another one might have gone on instead of it.

        One that is ready to, or that sleeps: how long the one that sends will take is not known.
        Who waits for what another task brings (gather, wait_for, a lock) has to wait.
        """
        if self.overlaps or self._loop is None:
            return
        for task in asyncio.all_tasks(self._loop) - {asyncio.current_task(self._loop)}:
            waits: Any = getattr(task, "_fut_waiter", None)
            if waits is None or waits.done() or self._sleeps(waits):
                self.overlaps = True

    def _sleeps(self, waits: Any) -> bool:
        """Whether a timer, and nobody else, ends this wait: that of asyncio.sleep."""
        timers: Any = getattr(self._loop, "_scheduled", ())
        return any(
            one._args and one._args[0] is waits and one._callback is WAKE
            for one in timers
            if not one.cancelled()
        )

    def disconnect(self) -> None:
        """Close all connections, from outside of the loop."""
        pool = self._pool
        for connection in (*pool._available_connections, *pool._in_use_connections):
            connection._parser.on_disconnect()
            connection._close()
        pool.reset()


def _say(loop: asyncio.AbstractEventLoop, told: dict[str, Any]) -> None:
    """As asyncio tells of an exception that nobody looked at; but not of the end of a client."""
    if not isinstance(told.get("exception"), (greenlet.GreenletExit, RefusedError)):
        loop.default_exception_handler(told)


def _cancel_all(loop: asyncio.AbstractEventLoop) -> None:
    """End what a client that is gone has left running, so that it is quiet for ever."""

    async def gone() -> None:
        await asyncio.gather(*tasks, return_exceptions=True)

    if tasks := asyncio.all_tasks(loop):
        for task in tasks:
            task.cancel()
        with suppress(RefusedError):
            loop.run_until_complete(gone())


class SimulatedConnection(UnixDomainSocketConnection):
    """A connection of redis.asyncio whose socket is a Wire."""

    def __init__(self, *, ask: Ask, **options: Any) -> None:
        super().__init__(**options)
        self._asking = ask

    async def _connect(self) -> None:
        stream: Any = _Stream(Wire(open_socket(self.path), self._asking))
        self._reader = self._writer = stream

    async def on_connect_check_health(self, check_health: bool = True) -> None:
        await super().on_connect_check_health(check_health)
        stream: Any = self._writer
        stream.wire.setting_up = False


class _Stream:
    """Both a StreamReader and a StreamWriter, as far as redis-py uses them."""

    _buffer = b""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self._out = b""
        self._closed = False

    def write(self, data: bytes) -> None:
        self._out += data

    def writelines(self, lines: Any) -> None:
        self._out += b"".join(lines)

    async def drain(self) -> None:
        out, self._out = self._out, b""
        self.wire.sendall(out)

    async def read(self, size: int) -> bytes:
        try:
            return self.wire.recv(size)
        except BlockingIOError:  # no reply is due: redis-py before 8 waits for stray data, for 0 s
            await asyncio.get_running_loop().create_future()
            raise

    def at_eof(self) -> bool:
        return False

    def close(self) -> None:
        self._closed = True
        self.wire.close()

    def is_closing(self) -> bool:
        return self._closed

    async def wait_closed(self) -> None: ...

    def get_extra_info(self, _name: str, default: Any = None) -> Any:
        return default


class _Selector(selectors.SelectSelector):
    """Where a loop would wait for a timer, its client sleeps."""

    def __init__(self, sleep: Callable[[float], None]) -> None:
        super().__init__()
        self._sleep = sleep
        self.closing = False

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if self.closing and timeout != 0:
            raise RefusedError("it does not end when it is cancelled")
        if timeout is None:
            ready = super().select(PATIENCE)
            if not ready:
                raise RefusedError("it waits for something that nobody does")
            return ready
        if timeout > 0:
            self._sleep(timeout)
        return super().select(0)
