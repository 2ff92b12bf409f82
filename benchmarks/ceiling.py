"""How near our recorded load comes to redis-benchmark, which is written in C.

    python -m benchmarks.ceiling

Both send the script of lua_atomic with the same key and arguments to the same server, through the
same unix socket, over the same number of connections, one command at a time on each, in turns.
The server counts both. redis-benchmark is one process, ours are two.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import unquote, urlsplit

from benchmarks.closed_loop import CLIENTS, KEY, PROCESSES, QUOTA, WARM, calls, measure, rate
from benchmarks.figures import Figure
from limiters.base import lua_script
from limitproof.load.locust import end
from limitproof.servers.handle import Server
from limitproof.servers.server import open_server

NAME = "our load / redis-benchmark"
PROGRAM = "redis-benchmark"
SCRIPT, COMMAND = "lua_atomic.lua", "evalsha"
ROUNDS = 10
SECONDS = 0.7  # each half of a round
STARTING = 0.3  # seconds for redis-benchmark to connect and to end
RANDOM = "__rand_int__"  # redis-benchmark writes as many random digits over it
NONCE = RANDOM * 2 + "0" * 8  # as long as that of lua_atomic
ENDLESS = 1_000_000_000  # requests: more than it can send until we end it


def arguments(url: str, connections: int, digest: str) -> tuple[str, ...]:
    """redis-benchmark's command line for what lua_atomic sends (the empty argument: the server's
    clock; the last one: another name for each request). `url` is a unix:// one."""
    window = round(QUOTA.window * 1_000_000)
    return (
        "-s", unquote(urlsplit(url).path), "-c", str(connections), "-P", "1", "-n", str(ENDLESS),
        "-r", str(10**len(RANDOM) - 1),
        "EVALSHA", digest, "1", KEY, str(QUOTA.limit), str(window), "1", "", NONCE,
    )  # fmt: skip


def main() -> Figure:
    """Measure, print every round, and give the ratios."""
    connections = PROCESSES * CLIENTS
    print(f"ceiling: {SCRIPT}, one key, {connections} connections on a unix socket, ops/s")
    program = shutil.which(PROGRAM)
    if program is None:
        figure = Figure(NAME, note=f"{PROGRAM} is not installed")
        print(f"  {figure}")
        return figure
    theirs: list[float] = []
    with open_server("spawn", os.environ) as server:
        ours = measure(
            server, "lua_atomic", COMMAND, [True] * ROUNDS, SECONDS,
            before=lambda: theirs.append(_theirs(server, program, connections)),
            pause=WARM + SECONDS + STARTING,
        )  # fmt: skip
    ratios = [mine / its for mine, its in zip(ours, theirs, strict=True)]
    for number, (mine, its, ratio) in enumerate(zip(ours, theirs, ratios, strict=True), 1):
        print(f"  round {number:2}  ours {mine:8,.0f}  {PROGRAM} {its:8,.0f}  ratio {ratio:.3f}")
    figure = Figure(NAME, ratios)
    print(f"  {figure}")
    return figure


def _theirs(server: Server, program: str, connections: int) -> float:
    with server.client() as client:
        script = lua_script(client, SCRIPT)
        client.script_load(script.script)
        with _running([program, *arguments(server.url, connections, script.sha)]) as process:
            time.sleep(WARM)
            measured = rate(lambda: calls(client, COMMAND), SECONDS)
            if process.poll() is not None:
                raise RuntimeError(f"{program} ended by itself, exit code {process.returncode}")
            return measured


@contextmanager
def _running(command: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet)
    try:
        yield process
    finally:
        end(process)


if __name__ == "__main__":
    main()
    sys.exit(0)
