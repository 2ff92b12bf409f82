"""What a deterministic world cannot do, each with the word that the user is told."""

from __future__ import annotations

from collections.abc import Iterable

from limitproof.simulate.resp import Commands

MOST_STEPS = 500  # of one client: beyond it a limiter is taken to wait for something in a loop

# Their reply depends on more than the keys and the client's own replies.
CONNECTION_STATE = frozenset({"WATCH", "UNWATCH", "MULTI", "EXEC", "DISCARD", "SELECT", "CLIENT"})
# It depends on how a key came to be what it is, and when it was last touched: putting it back is a
# touch, and makes it anew.
PAST = frozenset(
    {"OBJECT IDLETIME", "OBJECT FREQ", "OBJECT ENCODING", "OBJECT REFCOUNT", "MEMORY USAGE"}
    | {"DEBUG OBJECT", "MEMORY STATS", "MEMORY DOCTOR"}
)
RANDOM = frozenset({"SRANDMEMBER", "SPOP", "HRANDFIELD", "ZRANDMEMBER", "RANDOMKEY"})
# Nobody else moves while one client waits, so they would wait for ever; or they change the server
# for all runs that follow.
BLOCKING = frozenset(
    {"BLPOP", "BRPOP", "BRPOPLPUSH", "BLMOVE", "BLMPOP", "BZPOPMIN", "BZPOPMAX", "BZMPOP"}
    | {"WAIT", "WAITAOF", "SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "MONITOR"}
)
SERVER_WIDE = frozenset(
    {"CONFIG", "DEBUG", "SHUTDOWN", "FUNCTION", "REPLICAOF", "SLAVEOF", "FAILOVER", "SWAPDB"}
    | {"ACL", "MODULE", "SAVE", "BGSAVE", "BGREWRITEAOF"}
)
LOOKED_AT = (
    BLOCKING | SERVER_WIDE
    | {"XREAD", "XREADGROUP", "CLIENT", "SCRIPT", "MOVE", "COPY", "QUIT", "RESET"}
)  # fmt: skip
"""No other command is refused, whatever its words."""
OTHER_CLIENTS = frozenset({b"KILL", b"PAUSE", b"UNPAUSE", b"UNBLOCK", b"REPLY", b"NO-EVICT"})


class RefusedError(BaseException):
    """The limiter does what this world cannot simulate; the message is a clause about it.

    Not an Exception: a limiter that fails open on any Exception must not swallow it.
    """


class TimeNeededError(RefusedError):
    """It can be simulated where clocks move."""


class SlowError(RefusedError):
    """The time is over, and what a search does at the least has not been done."""


class HangError(RefusedError):
    """It would keep whoever waits for its answer for ever."""


class LocalStateError(RefusedError):
    """It decides by what it keeps in its process, which all clients share here."""

    def __init__(
        self, why: str = "it refuses without asking Redis: its state is in the process"
    ) -> None:
        super().__init__(why)


class UncacheableError(Exception):
    """Equal states may have different futures here; the message says why."""


class UnknownScriptError(UncacheableError):
    """The server met a script for the first time, which leaves its mark outside of the keys."""


class NotAlikeError(Exception):
    """Two clients that were told the same differ in more than names, or their names matter."""


def check_commands(commands: Commands) -> None:
    """Raises RefusedError for commands that block, say nothing, or change the server for all."""
    for words in commands:
        name = words[0].upper().decode("ascii", "replace")
        if name not in LOOKED_AT:
            continue
        second = words[1].upper() if len(words) > 1 else b""
        said = [word.upper() for word in words[1:]]
        if name in BLOCKING or (name in ("XREAD", "XREADGROUP") and b"BLOCK" in said):
            raise RefusedError(f"it waits inside the server ({name})")
        if name == "CLIENT" and second == b"REPLY":
            raise RefusedError("it turns replies off (CLIENT REPLY), and each is waited for here")
        paused = name == "CLIENT" and second in (b"PAUSE", b"KILL")
        if name in SERVER_WIDE or paused or (name == "SCRIPT" and second in (b"FLUSH", b"KILL")):
            raise RefusedError(f"it changes the server itself ({name})")
        if name == "MOVE" or (name == "COPY" and b"DB" in said):
            raise RefusedError(f"it reaches into another database ({name})")
        if name in ("QUIT", "RESET") or (name == "CLIENT" and second in OTHER_CLIENTS):
            raise RefusedError(f"it ends or silences connections ({name})")


def answers_at_random(names: Iterable[bytes]) -> bool:
    """Whether one of these commands draws its reply."""
    return any(name.upper().decode("ascii", "replace") in RANDOM for name in names)


def why_uncacheable(commands: Commands) -> str:
    """Why the reply to one packet is no function of the keys; "" when it is one.

    A MULTI that is closed by EXEC in the same packet is one atomic step and leaves nothing behind.
    """
    names = [words[0].upper().decode("ascii", "replace") for words in commands]
    whole = names[:1] == ["MULTI"] and names[-1:] == ["EXEC"]
    for name in names[1:-1] if whole else names:
        if name in CONNECTION_STATE:
            return f"{name} leaves its mark on the connection, not in the keys"
        if name in RANDOM:
            return f"{name} answers at random"
    for words in commands:
        both = b" ".join(words[:2]).upper().decode("ascii", "replace")
        if both in PAST:
            return f"{both} tells of a key's past, not of what is in it"
        if words[0].upper() == b"INFO":
            return "INFO tells of the server, not of the keys"
    return ""
