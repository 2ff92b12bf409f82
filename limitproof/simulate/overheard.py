"""What the server does while it answers a packet, by its own word: also what its scripts do."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Sequence

from limitproof.servers.errors import ServerError
from limitproof.simulate.access import SCRIPTS, Send, keys_of
from limitproof.simulate.resp import Commands, pack
from limitproof.simulate.wire import exchange
from limitproof.stories import Touched

MARK = b"limitproof: so far"
LINE = re.compile(rb"^\+[\d.]+ \[\d+ ([^\]]*)\] (.*)$")
WORD = re.compile(rb'"((?:[^"\\]|\\.)*)"', re.DOTALL)
ESCAPED = re.compile(rb"\\(x[0-9a-fA-F]{2}|.)", re.DOTALL)
NAMED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"a": b"\a", b"b": b"\b"}


def touched(
    commands: Commands, execute: Callable[[], bytes], line: socket.socket, send: Send
) -> tuple[bytes, tuple[Touched, ...]]:
    """Let the server do these commands; its reply, and which keys each of them has touched.

    line: a connection that nobody else uses, for MONITOR (https://redis.io/docs/latest/commands/
    monitor/); send: another, for questions. Raises ServerError when the server goes away.
    """
    send(pack("PING"), 1)  # what is still to be done before it, such as emptying the server
    exchange(line, pack("MONITOR"), 1)
    reply = execute()
    send(pack("ECHO", MARK), 1)
    said = _until_mark(line)
    exchange(line, pack("RESET"), 1)
    scripts = iter(_inside(said))
    told = []
    for words in commands:
        inside = next(scripts, []) if _is_script(words) else []
        keys = {key for one in inside for key in _keys(one, send)}
        told.append(Touched(tuple(sorted(_keys(words, send))), tuple(sorted(keys))))
    return reply, tuple(told)


def _until_mark(line: socket.socket) -> list[bytes]:
    said = b""
    try:
        while MARK not in said or not said.endswith(b"\r\n"):
            piece = line.recv(262_144)
            if not piece:
                raise ServerError("Redis closed the connection during a step", "start again")
            said += piece
    except OSError as error:
        raise ServerError(f"Redis went away during a step: {error}", "start again") from error
    return said.split(b"\r\n")


def _inside(said: list[bytes]) -> list[list[list[bytes]]]:
    """The commands of each script, in the order in which these were run."""
    scripts: list[list[list[bytes]]] = []
    for one in said:
        if (found := LINE.match(one)) is None:
            continue
        words = [_unescaped(word) for word in WORD.findall(found[2])]
        if found[1] == b"lua":
            scripts[-1].append(words)
        elif _is_script(words):
            scripts.append([])
    return scripts


def _is_script(words: Sequence[bytes]) -> bool:
    return words[0].decode("ascii", "replace").upper().removesuffix("_RO") in SCRIPTS


def _keys(words: Sequence[bytes], send: Send) -> frozenset[bytes]:
    if _is_script(words):
        return frozenset(words[3 : 3 + int(words[2])]) if len(words) > 2 else frozenset()
    found = keys_of(words, send)
    return frozenset() if found is None else found[0] | found[1]


def _unescaped(word: bytes) -> bytes:
    def plain(found: re.Match[bytes]) -> bytes:
        code = found[1]
        return bytes([int(code[1:], 16)]) if len(code) == 3 else NAMED.get(code, code)

    return ESCAPED.sub(plain, word)
