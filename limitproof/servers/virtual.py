"""A server of our own whose clock is set by hand: a real Redis under libfaketime.

TIME (also inside Lua), PEXPIRE and PTTL follow; nothing ages until the clock is set. The server's
own timers stay real (FAKETIME_DONT_FAKE_MONOTONIC), or it could not even be ended.

A moving clock wants one thread: when two threads of the server ask for the time at the same
moment, one may be told the real time. Seen once in 62,553 rounds of FLUSHDB SYNC on a busy machine,
as Redis 8 hands that to another thread: a key that was just set was gone. So empty such a server
with DEL, not with FLUSHDB; the memory allocator's thread is switched off here.
Source: https://github.com/wolfcw/libfaketime, README, "Advanced features".
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import redis

from limitproof.servers.directory import private_directory
from limitproof.servers.errors import ServerError
from limitproof.servers.handle import Server
from limitproof.servers.machine import faketime_library
from limitproof.servers.spawn import spawned

START = 1_700_000_000_000_000
"""2023-11-14 22:13:20 UTC, in microseconds since the epoch: the instant a virtual clock starts."""
ONE_THREAD = ("--jemalloc-bg-thread", "no")
DEBUG = ("--enable-debug-command", "yes")  # since Redis 7; before, nobody needed it
FOR_EVER = "100000000"  # seconds


@dataclass(frozen=True, slots=True)
class VirtualServer:
    """A running server and the hand on its clock; `moving` is whether it can be set."""

    server: Server
    handle: int
    moving: bool = True

    def set(self, instant: int) -> None:
        """Let the server's clock stand at `instant`, microseconds since the epoch.

        Holds from the next command on. The file is written in place, always the same length: a
        server that reads meanwhile sees the old instant or the new one, never half of it.
        """
        os.pwrite(self.handle, as_text(instant), 0)


def as_text(instant: int) -> bytes:
    """An instant in microseconds as libfaketime reads it, 27 bytes and a line's end.

    A seventh digit is added: libfaketime computes the fraction in floating point and cuts it off,
    so that .000003 would become 2 microseconds.
    """
    seconds, microseconds = divmod(instant, 1_000_000)
    day = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return f"{day}.{microseconds:06d}5\n".encode()


@contextmanager
def virtual_server(
    program: Path | None = None,
    *,
    instant: int = START,
    arguments: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
    moving: bool = True,
) -> Iterator[VirtualServer]:
    """Run a server whose clock stands at `instant` (microseconds) until it is set.

    moving: False for a clock that is never set. The server then reads it once, and answers about
    a third more requests a second.

    Raises ServerError when libfaketime is missing, when the server does not start, or when its
    clock does not follow.
    """
    library = faketime_library()
    if library is None:
        raise ServerError(
            "libfaketime not found, so the server's clock cannot be set",
            "pip install libfaketime (64-bit Intel Linux), or the system's package faketime",
        )
    with private_directory() as home:
        clock = home / "clock"
        clock.write_bytes(as_text(instant))
        preload = "DYLD_INSERT_LIBRARIES" if sys.platform == "darwin" else "LD_PRELOAD"
        faked = {
            preload: str(library),
            "FAKETIME_TIMESTAMP_FILE": str(clock),
            **({"FAKETIME_NO_CACHE": "1"} if moving else {"FAKETIME_CACHE_DURATION": FOR_EVER}),
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "TZ": "UTC",
        }
        options = (*ONE_THREAD, *arguments)
        started = partial(spawned, program, environ=environ, besides=faked, on_end=unlink_shared)
        with ExitStack() as stack:
            try:
                server = stack.enter_context(started(arguments=(*options, *DEBUG)))
            except ServerError:
                server = stack.enter_context(started(arguments=options))
            unlink_shared(server.pid)  # at once: we may be killed -9, and it with us
            handle = os.open(clock, os.O_WRONLY)
            try:
                running = VirtualServer(server, handle, moving)
                try:
                    _prove(running, (instant + 1, instant) if moving else (instant,), library)
                    _expire_by_hand(server)
                except (redis.ConnectionError, redis.TimeoutError) as error:
                    why = f"the server went away as it was started: {error}"
                    raise ServerError(why, "start again") from error
                yield running
            finally:
                os.close(handle)


def _expire_by_hand(server: Server) -> None:
    """Let keys end where somebody asks for them, and not when the server's own timer comes round.

    In the last millisecond of its life a key is there for who reads it, while the timer takes it
    away: of 66,385 equal runs that read at that instant, 82 found no key.
    """
    with server.client() as client:
        client.execute_command("DEBUG", "SET-ACTIVE-EXPIRE", "0")


def unlink_shared(pid: int | None) -> None:
    """Let what libfaketime would share with processes of the server's end with the server.

    It has a semaphore and a page of memory for that, which would outlive a server that is killed.
    """
    libc = ctypes.CDLL(None)
    for unlink, name in (("sem_unlink", "sem"), ("shm_unlink", "shm")):
        with suppress(AttributeError):  # shm_unlink is in another library before glibc 2.34
            getattr(libc, unlink)(f"/faketime_{name}_{pid}".encode())


def _prove(running: VirtualServer, instants: Sequence[int], library: Path) -> None:
    """Set the clock, by a microsecond, and see the server follow."""
    with running.server.client() as client:
        for wanted in instants:
            running.set(wanted)
            seconds, microseconds = client.time()
            if (told := seconds * 1_000_000 + microseconds) != wanted:
                # Valkey 9 adds what a clock of its own has counted since it last looked.
                raise ServerError(
                    f"the server's clock is {told - wanted} µs off under {library}",
                    "use the embedded Redis, or see limitproof doctor",
                )
