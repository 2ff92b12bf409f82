"""Which two steps of different clients depend on each other: their order can matter.

Two steps that do not depend on each other may change places when they stand side by side: neither
client is told anything else, and the server ends as before. What decides is what the steps did:

- Keys, as the server itself names them (`keys_of`). A write depends on every read and write of
  the same key. A writer that tells that it has changed nothing (ZREMRANGEBYSCORE: 0, SETNX: 0)
  is a reader.
- A script counts as writing every key. Its declared keys are not enough: let A call
  EVAL "redis.call('SET', 'x', 1)" 0 and B send GET x; no key is declared, and yet B sees who came
  first. `lua_sequence_leak` does that with its side key.
- WATCH reads its keys, and the EXEC after it reads them again, as its reply tells whether somebody
  wrote in between: WATCH k | SET k | EXEC fails, WATCH k | EXEC | SET k does not. An EXEC that
  failed is told that much only: it depends on the first write since its WATCH, and not on those
  after that, which find it lost already (`Lost`).
- What is queued by MULTI takes effect at EXEC, in whatever packet that comes.
- A packet of several commands does what all of them do.
- PING, ECHO and TIME (the clock stands still) depend on nothing. KEYS, SCAN, DBSIZE read every
  key, FLUSHDB writes every key. A command that nobody knows depends on all others.

Replies that are drawn at random (SPOP) are beyond this: the same steps, taken again, need not end
the same, so no order that was tried speaks for any other. They raise UnrepeatableError.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from limitproof.simulate.access import Send, command_flags, keys_of
from limitproof.simulate.refusal import RANDOM
from limitproof.simulate.resp import parse, unpack

Words = Sequence[bytes]
ANY = b"*any key*"
ANY_KEY = frozenset({ANY})
SCRIPTS = frozenset({"EVAL", "EVALSHA", "FCALL"})
READING_SCRIPTS = frozenset({"EVAL_RO", "EVALSHA_RO", "FCALL_RO"})
UNTOUCHING = frozenset({"PING", "ECHO", "TIME", "UNWATCH"})
OWN = frozenset({"ID", "GETNAME", "SETNAME", "SETINFO", "INFO"})
"""What CLIENT tells of, or sets in, the connection that asks."""
ELSEWHERE = frozenset({"SELECT", "MOVE", "COPY", "MIGRATE", "RESET", "HELLO"})
"""They may reach another database, which no run empties, or unmake the connection."""
CHANGED_NOTHING_AT_0 = frozenset(
    {"DEL", "UNLINK", "PERSIST", "SETNX", "HSETNX", "HDEL", "SADD", "SREM", "LREM", "ZREM"}
    | {"ZREMRANGEBYSCORE", "ZREMRANGEBYRANK", "ZREMRANGEBYLEX"}
    | {"EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT"}
)

SURELY = frozenset({"SET", "SETEX", "PSETEX", "INCR", "INCRBY", "DECR", "DECRBY"})
"""They change their key whenever they answer anything but nil or an error (`_surely`)."""
CONDITIONS = frozenset({b"NX", b"XX", b"IFEQ", b"IFNE", b"IFDEQ", b"IFDNE"})
"""Of SET: it may leave its key as it is."""


class UnrepeatableError(Exception):
    """A run need not end the same when its steps are taken again; the message says why."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What a step touched: keys, `ANY` for whichever there are; alone: nobody knows what.

    surely: those of the keys written that were written for certain, so that who watched them has
    lost; watches: the keys that it began to watch; lost: the watched keys of an EXEC that failed.
    """

    reads: frozenset[bytes] = frozenset()
    writes: frozenset[bytes] = frozenset()
    alone: bool = False
    surely: frozenset[bytes] = frozenset()
    watches: frozenset[bytes] = frozenset()
    lost: frozenset[bytes] = frozenset()

    def __or__(self, other: Effect) -> Effect:
        return Effect(
            self.reads | other.reads,
            self.writes | other.writes,
            self.alone or other.alone,
            self.surely | other.surely,
            self.watches | other.watches,
            self.lost | other.lost,
        )


NOTHING = Effect()
UNKNOWN = Effect(alone=True)


@dataclass(frozen=True, slots=True)
class Connection:
    """What the server remembers of a client's connections: keys watched, commands queued.

    Keys stay watched here when UNWATCH or EXEC ends that: a client may have another connection,
    and to read too much is safe. queued: None outside of a MULTI.
    """

    watched: frozenset[bytes] = frozenset()
    queued: tuple[tuple[bytes, ...], ...] | None = None


FRESH = Connection()


@dataclass(frozen=True, slots=True)
class Lost:
    """Who watches which key in a run so far, and for whom it has surely been written since.

    Both by (client, key). Who stopped to watch is kept: to take a write for the first is safe.
    """

    watching: frozenset[tuple[int, bytes]] = frozenset()
    written: frozenset[tuple[int, bytes]] = frozenset()

    def step(self, client: int, effect: Effect) -> tuple[Effect, Lost]:
        """The effect with the watches that it ends, or that it had lost, and who has lost then.

        That a client has lost a key is as another key, which the first write since its WATCH
        writes, and which its failed EXEC reads.
        """
        if effect.lost:
            marks = frozenset(_mark(client, key) for key in effect.lost)
            effect = replace(effect, reads=effect.reads | marks)
        watching, written = self.watching, self.written
        if watching and effect.writes:
            hit = {
                one
                for one in watching
                if one[0] != client and (ANY in effect.writes or one[1] in effect.writes)
            }
            first = frozenset(_mark(*one) for one in hit - written)
            written |= {one for one in hit if one[1] in effect.surely}
            effect = replace(effect, writes=effect.writes | first)
        if effect.watches:
            own = frozenset((client, key) for key in effect.watches)
            watching, written = watching | own, written - own
        return effect, Lost(watching, written)


def _mark(client: int, key: bytes) -> bytes:
    return b"*lost %d* %b" % (client, key)


NOBODY = Lost()


def dependent(one: Effect, other: Effect) -> bool:
    """Whether the order of two steps, taken by different clients, can matter."""
    if one.alone or other.alone:
        return True
    return _meet(one.writes, other.reads | other.writes) or _meet(other.writes, one.reads)


def _meet(some: frozenset[bytes], others: frozenset[bytes]) -> bool:
    if not some or not others:
        return False
    return ANY in some or ANY in others or not some.isdisjoint(others)


class Dependency:
    """Tells what steps did. `send` asks the server, which is asked once for each command."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._keys: dict[tuple[bytes, ...], Effect] = {}
        self._steps: dict[tuple[Connection, bytes, bytes], tuple[Effect, Connection]] = {}

    def step(self, before: Connection, packet: bytes, reply: bytes) -> tuple[Effect, Connection]:
        """What a packet that was answered so did, and what the connection remembers then.

        Raises UnrepeatableError when the answer was drawn at random, or when the step leaves
        behind what no run takes back.
        """
        key = (before, packet, reply)
        known = self._steps.get(key)
        if known is None:
            known = self._steps[key] = self._step(before, packet, reply)
        return known

    def _step(self, now: Connection, packet: bytes, reply: bytes) -> tuple[Effect, Connection]:
        commands, replies = unpack(packet), parse(reply) if reply else []
        if not commands or len(commands) != len(replies):
            return UNKNOWN, now
        done = NOTHING
        for words, value in zip(commands, replies, strict=True):
            effect, now = self._command(now, tuple(words), value)
            done |= effect
        return done, now

    def _command(
        self, now: Connection, words: tuple[bytes, ...], value: Any
    ) -> tuple[Effect, Connection]:
        name = _name(words)
        if name == "EXEC":
            return self._exec(now, value), Connection(now.watched)
        if name == "DISCARD":
            return NOTHING, Connection(now.watched)
        if name == "MULTI":
            return NOTHING, Connection(now.watched, now.queued or ())
        if now.queued is not None and value == b"QUEUED":
            return NOTHING, Connection(now.watched, (*now.queued, words))
        if name == "WATCH":
            keys = frozenset(words[1:])
            return Effect(reads=keys, watches=keys), Connection(now.watched | keys, now.queued)
        return self._effect(words, value), now

    def _exec(self, now: Connection, value: Any) -> Effect:
        """The watched keys are read, and the queue takes effect unless it was refused."""
        if value is None:
            return Effect(lost=now.watched)
        asked = Effect(reads=now.watched)
        if isinstance(value, Exception):
            return asked
        queued = now.queued or ()
        if not isinstance(value, list) or len(value) != len(queued):
            return UNKNOWN
        for words, one in zip(queued, value, strict=True):
            asked |= self._effect(words, one)
        return asked

    def _effect(self, words: tuple[bytes, ...], value: Any) -> Effect:
        effect = self._keys.get(words)
        if effect is None:
            effect = self._keys[words] = self._ask(words)
        if not effect.alone and _changed_nothing(words, value):
            return Effect(reads=effect.reads | effect.writes)
        if _name(words) in SURELY and _surely(words, value):
            return replace(effect, surely=effect.writes)
        return effect

    def _ask(self, words: tuple[bytes, ...]) -> Effect:
        """What a command may touch, whatever it is answered."""
        name = _name(words)
        if name in RANDOM:
            raise UnrepeatableError(f"{name} answers at random")
        if name in ELSEWHERE:
            raise UnrepeatableError(f"{name} may leave behind what no run takes back")
        if name == "CLIENT" and words[1:2] and words[1].decode("ascii", "replace").upper() in OWN:
            return NOTHING
        if name == "CLIENT":
            raise UnrepeatableError("CLIENT changes its connection for all runs that follow")
        if name in SCRIPTS:
            return Effect(writes=ANY_KEY)
        if name in READING_SCRIPTS or name in ("SORT", "SORT_RO"):  # BY and GET name keys, too
            stored = keys_of(words, self._send)
            return UNKNOWN if stored is None else Effect(ANY_KEY, stored[1])
        if name in UNTOUCHING:
            return NOTHING
        told = keys_of(words, self._send)
        if told is None or name == "OBJECT":  # when a key was last used: reads change it, too
            return UNKNOWN
        if any(told):
            return Effect(*told)
        flags = command_flags(name, self._send)
        if b"write" in flags:
            return Effect(writes=ANY_KEY)
        return Effect(reads=ANY_KEY) if b"readonly" in flags else UNKNOWN


def _surely(words: Words, value: Any) -> bool:
    """Whether a reply to one of `SURELY` tells that its key was changed.

    With GET it is what was there before: SET k v NX GET changes the key when that is nothing.
    """
    if isinstance(value, Exception):
        return False
    options = {word.upper() for word in words[3:]} if _name(words) == "SET" else set()
    if b"GET" not in options:
        return value is not None
    conditions = options & CONDITIONS
    if conditions == {b"NX"}:
        return value is None
    return not conditions or (conditions == {b"XX"} and value is not None)


def _name(words: Words) -> str:
    return words[0].decode("ascii", "replace").upper()


def _changed_nothing(words: Words, value: Any) -> bool:
    """Whether a reply tells that its command changed no key."""
    name = _name(words)
    if name in CHANGED_NOTHING_AT_0:
        return value == 0 and isinstance(value, int)
    if name == "SET":  # with NX, XX or IFEQ; with GET, nil tells that there was nothing before
        return value is None and b"GET" not in (word.upper() for word in words[3:])
    return False
