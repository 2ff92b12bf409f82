"""The wire format of Redis, as far as steps need it: commands out, whole replies in.

Source: https://redis.io/docs/latest/develop/reference/protocol-spec/ (RESP2 and RESP3).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import hiredis

LINE = b"\r\n"
_SIMPLE = frozenset(b"+-:_,#(")  # one line
_SIZED = frozenset(b"$=!")  # a line with a length, and that many bytes
_MANY = {ord("*"): 1, ord("~"): 1, ord(">"): 1, ord("%"): 2}  # a line with a number of items
SHOWN = 60  # characters of a value
SHORT = 4096  # bytes of a packet that is remembered
Commands = Sequence[Sequence[bytes]]
"""Each as its words."""


def pack(*words: bytes | str | int) -> bytes:
    """One command as it goes over the wire."""
    encoded = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    parts = [b"*%d\r\n" % len(encoded)]
    parts += [b"$%d\r\n%b\r\n" % (len(word), word) for word in encoded]
    return b"".join(parts)


def unpack(packet: bytes) -> Commands | None:
    """The commands of a packet; None when the last one is not whole yet."""
    return _known(packet) if len(packet) <= SHORT else _unpacked(packet)


def _unpacked(packet: bytes) -> Commands | None:
    position, found = 0, []
    try:
        while position < len(packet):
            end = packet.index(LINE, position)
            words = []
            number, position = int(packet[position + 1 : end]), end + 2
            for _ in range(number):
                end = packet.index(LINE, position)
                first = end + 2
                position = first + int(packet[position + 1 : end]) + 2
                if position > len(packet):
                    return None
                words.append(packet[first : position - 2])
            found.append(tuple(words))
    except ValueError:  # from index(): the line has no end yet
        return None
    return tuple(found)


_known = lru_cache(maxsize=256)(_unpacked)  # in a search, clients send the same few over and over


def end_of_reply(received: bytes | bytearray, position: int) -> int:
    """Where the reply ends that begins at `position`; -1 when it is not whole yet."""
    end = received.find(LINE, position)
    if end < 0:
        return -1
    kind = received[position]
    after = end + 2
    if kind in _SIMPLE:
        return after
    if kind not in _SIZED and kind not in _MANY:
        raise ValueError(f"not a reply of Redis: {bytes(received[position:end])!r}")
    number = int(received[position + 1 : end])
    if kind in _SIZED:
        after += number + 2 if number >= 0 else 0
        return after if after <= len(received) else -1
    for _ in range(number * _MANY[kind]):
        after = end_of_reply(received, after)
        if after < 0:
            return -1
    return after


def parse(replies: bytes) -> list[Any]:
    """Whole replies as Python values, bytes as bytes; an error is a value of `hiredis`."""
    reader = hiredis.Reader()
    reader.feed(replies)
    found = []
    while (value := reader.gets(False)) is not False:
        found.append(value)
        if not reader.has_data():
            break
    return found


def shown_command(words: Sequence[bytes]) -> str:
    """A command as a person reads it; a script is named, not printed."""
    name = words[0].decode("ascii", "replace").upper()
    if name in ("EVAL", "EVALSHA", "EVAL_RO", "EVALSHA_RO") and len(words) > 2:
        named = f"<script {words[1].decode('utf-8', 'replace')[:6]}>"
        return f"{named} {shown_words(_keys_of_script(words))}"
    return f"{name} {shown_words(words[1:])}".rstrip()


def _keys_of_script(words: Sequence[bytes]) -> Sequence[bytes]:
    """None where their number is none: the server refuses EVAL 'return 1' abc."""
    try:
        return words[3 : 3 + max(0, int(words[2]))]
    except ValueError:
        return ()


def shown_words(words: Sequence[bytes]) -> str:
    """Arguments side by side."""
    return " ".join(shown_text(word) for word in words)


def shown_text(value: bytes) -> str:
    """Bytes as text, cut where long."""
    text = value.decode("utf-8", "backslashreplace")
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def shown_reply(value: Any) -> str:
    """A reply as a person reads it."""
    match value:
        case None:
            return "nil"
        case bytes():
            return shown_text(value)
        case list():
            return f"[{', '.join(map(shown_reply, value))}]"
        case Exception():
            return f"error: {value}"
    return str(value)
