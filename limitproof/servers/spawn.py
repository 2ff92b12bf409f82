"""A server of our own: started on a private socket, ended for certain."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import redis

from limitproof.servers.directory import SOCKET, private_directory
from limitproof.servers.errors import ServerError
from limitproof.servers.find import default_program
from limitproof.servers.handle import Server, no_retry
from limitproof.servers.identity import identify
from limitproof.servers.lifetime import GRACE_SECONDS, bound, by_kernel

LOG = "redis.log"
_GLANCE_SECONDS = 0.002
_LOG_PREFIX = re.compile(r"^\d+:\S+ .{0,40}? [-.*#] ")  # PID:ROLE, date and time, a mark of level


@contextmanager
def spawned(
    program: Path | None = None,
    *,
    arguments: Sequence[str] = (),
    password: str | None = None,
    environ: Mapping[str, str] | None = None,
    besides: Mapping[str, str] | None = None,
    on_end: Callable[[int], object] = lambda _: None,
    directory: Path | None = None,
    patience: float = 10.0,
) -> Iterator[Server]:
    """Run a server with an empty memory that nobody else can reach, for as long as the `with`.

    program: by default the embedded one; arguments: more of its command line, such as
    ("--maxmemory", "10mb"); password: what it asks of its clients (`Server.url` carries it);
    environ: its environment, by default ours; besides: what only the server has in it, and not what
    starts it; on_end: told the id of the process that was started, when that has ended, however far
    it came; directory: where its private directory lies;
    patience: seconds to wait until it answers (it takes some 0.05 s).
    It listens on a unix socket only, writes nothing but a log, is out of reach of the terminal's
    Ctrl-C (we end it, after what we still have to ask it), and dies with us, see `lifetime`.
    Raises ServerError when it does not start, with the last line of its log.
    """
    if program is None:
        program = default_program(os.environ if environ is None else environ).path
    with private_directory(directory) as home:
        command = [*_command(program, home / SOCKET, password), *arguments]
        with _running(bound(command, besides), home, environ, on_end) as process:
            yield _when_ready(process, program, home, password, patience)


def _command(program: Path, socket: Path, password: str | None) -> list[str]:
    lock = [] if password is None else ["--requirepass", password]
    return [
        str(program), "--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700",
        "--save", "", "--appendonly", "no", "--daemonize", "no", *lock,
    ]  # fmt: skip


@contextmanager
def _running(
    command: Sequence[str],
    home: Path,
    environ: Mapping[str, str] | None,
    on_end: Callable[[int], object],
) -> Iterator[subprocess.Popen[bytes]]:
    with (home / LOG).open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=home,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=log,  # not --logfile: what the loader or a bad option says comes here as well
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    itself = by_kernel()
    try:
        yield process
    finally:
        if itself and process.poll() is None:
            # There is nothing to be kept, and when asked to end it looks up ten times a second.
            os.killpg(process.pid, signal.SIGKILL)
        _end(process)
        on_end(process.pid)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(GRACE_SECONDS + 1)  # a guard kills after its own grace
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _when_ready(
    process: subprocess.Popen[bytes],
    program: Path,
    home: Path,
    password: str | None,
    patience: float,
) -> Server:
    secret = "" if password is None else f":{quote(password, safe='')}@"
    url = f"unix://{secret}{quote(str(home / SOCKET))}"
    last_instant = time.monotonic() + patience
    with redis.Redis.from_url(url, retry=no_retry(), socket_timeout=patience) as client:
        while True:
            if process.poll() is not None:
                raise ServerError(
                    f"{program} ended as it started (exit code {process.returncode})"
                    f"{_last_words(home)}",
                    "try another with --redis spawn:PROGRAM",
                )
            try:
                if (home / SOCKET).exists():
                    name, version, pid = identify(client)
                    return Server(url, name, version, spawned=True, pid=pid)
            except (redis.ConnectionError, redis.TimeoutError):
                pass  # it has made the socket, but does not listen yet
            except redis.RedisError as error:
                raise ServerError(
                    f"{program} does not answer as a Redis: {error}", "try another program"
                ) from error
            if time.monotonic() > last_instant:
                raise ServerError(
                    f"{program} is not ready after {patience:g} s{_last_words(home)}",
                    "is it a redis-server or valkey-server?",
                )
            time.sleep(_GLANCE_SECONDS)


def _last_words(home: Path) -> str:
    text = (home / LOG).read_text(encoding="utf-8", errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return f": {_LOG_PREFIX.sub('', lines[-1]).rstrip('.')}" if lines else ""
