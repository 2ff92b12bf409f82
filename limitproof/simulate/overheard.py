"""What the server does while it answers a packet, by its own word: also what its scripts do."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from limitproof.servers.errors import ServerError
from limitproof.simulate.access import Send, keys_of
from limitproof.simulate.resp import pack
from limitproof.simulate.wire import exchange
from limitproof.stories import AsOne, Touched

MARK = b"limitproof: so far"
LINE = re.compile(rb"^\+[\d.]+ \[\d+ ([^\]]*)\] (.*)$")
WORD = re.compile(rb'"((?:[^"\\]|\\.)*)"', re.DOTALL)
ESCAPED = re.compile(rb"\\(x[0-9a-fA-F]{2}|.)", re.DOTALL)
NAMED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"a": b"\a", b"b": b"\b"}


@dataclass(slots=True)
class _Heard:
    """The words of a command, and those of each command that its script did."""

    words: Sequence[bytes]
    inside: list[Sequence[bytes]] = field(default_factory=list)


def touched(
    execute: Callable[[], bytes], line: socket.socket, send: Send
) -> tuple[bytes, tuple[AsOne, ...]]:
    """Let the server answer one packet; its reply, and which keys it touched for that.

    line: a connection that nobody else uses, for MONITOR (https://redis.io/docs/latest/commands/
    monitor/); send: another, for questions. Raises ServerError when the server goes away.
    """
    send(pack("PING"), 1)  # what is still to be done before it, such as emptying the server
    exchange(line, pack("MONITOR"), 1)
    reply = execute()
    send(pack("ECHO", MARK), 1)
    said = _until_mark(line)
    exchange(line, pack("RESET"), 1)
    return reply, tuple(tuple(_touched(one, send) for one in each) for each in _done(said))


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


def _done(said: Sequence[bytes]) -> list[list[_Heard]]:
    """What was done, in order: each command alone, but those of a transaction.

    The server tells of a command when it does it: not at all when it rejects it, and of one that
    waits for its EXEC just before that. One connection sends all that is done in a step; so what
    an EXEC did begins after its MULTI or, when that was sent steps ago, with the step.
    """
    done: list[list[_Heard]] = []
    begun = 0
    for one in said:
        if (found := LINE.match(one)) is None:
            continue
        words = [_unescaped(word) for word in WORD.findall(found[2])]
        if words == [b"ECHO", MARK]:
            break
        name = words[0].upper()
        if found[1] == b"lua":
            done[-1][-1].inside.append(words)
        elif name in (b"MULTI", b"EXEC", b"DISCARD"):
            if name == b"EXEC":
                done[begun:] = [[heard for each in done[begun:] for heard in each]]
            begun = len(done)
        else:
            done.append([_Heard(words)])
    return [each for each in done if each]


def _touched(heard: _Heard, send: Send) -> Touched:
    inside = {key for words in heard.inside for key in _keys(words, send)}
    name = heard.words[0].decode("ascii", "replace").upper()
    return Touched(name, tuple(sorted(_keys(heard.words, send))), tuple(sorted(inside)))


def _keys(words: Sequence[bytes], send: Send) -> frozenset[bytes]:
    """Of a script: those in KEYS; none when their number is none, as in EVAL 'return 1' abc."""
    found = keys_of(words, send)
    return frozenset() if found is None else found[0] | found[1]


def _unescaped(word: bytes) -> bytes:
    def plain(found: re.Match[bytes]) -> bytes:
        code = found[1]
        return bytes([int(code[1:], 16)]) if len(code) == 3 else NAMED.get(code, code)

    return ESCAPED.sub(plain, word)
