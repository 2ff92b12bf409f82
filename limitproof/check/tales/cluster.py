"""`cluster`: every key that is touched is declared, and no command or script spans two slots."""

from __future__ import annotations

from binascii import crc_hqx
from collections.abc import Iterator, Sequence

from limitproof.check.tales.acts import shown_key
from limitproof.stories import Story, Tale

SLOTS = 16_384
Command = tuple[bytes, ...]


def cluster(tale: Tale, _story: Story) -> str:
    """Which key a cluster would not let a limiter touch; "" when it knows of none.

    Needs a tale that is shown. A key that is stored must be an argument of a command, or be
    declared by a script, and all keys of one command, script or transaction must be in one slot. A
    client of a cluster sends single commands to the node that holds their key, so keys of several
    commands may lie apart. What a script only reads, undeclared, is not seen here.
    """
    names = {key.name for sight in tale.sights for key in sight.keys}
    sent = [command for one in _together(tale) for command in one]
    declared = {word for command in sent for word in keys_of(command, names)}
    hidden = sorted(names - declared)
    if hidden:
        return (
            f"{shown_key(hidden[0])} is written by a script that does not declare it in KEYS: "
            "a cluster may look for it on another node"
        )
    for commands in _together(tale):
        keys = sorted({word for command in commands for word in keys_of(command, names)})
        slots = {slot(key) for key in keys}
        if len(slots) > 1:
            what = "a transaction" if len(commands) > 1 else _named(commands[0])
            return (
                f"{what} touches {' and '.join(map(shown_key, keys[:3]))}, which are in slots "
                f"{', '.join(str(slot(key)) for key in keys[:3])}: a cluster refuses it (CROSSSLOT)"
            )
    return ""


def slot(key: bytes) -> int:
    """The slot of a key: CRC16 of what is between the first { and the next }, or of all.

    Source: https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/
    """
    _, brace, rest = key.partition(b"{")
    tag, end, _ = rest.partition(b"}")
    return crc_hqx(tag if brace and end and tag else key, 0) % SLOTS


def keys_of(command: Command, names: set[bytes]) -> list[bytes]:
    """The keys of a command: what a script declares, or which of `names` are among its words."""
    name = command[0].upper()
    if name.removesuffix(b"_RO") in (b"EVAL", b"EVALSHA", b"FCALL") and len(command) > 2:
        return list(command[3 : 3 + int(command[2])])
    return [word for word in command[1:] if word in names]


def _together(tale: Tale) -> Iterator[Sequence[Command]]:
    """Commands that a server does as one: each alone, but those from MULTI to EXEC."""
    for happening in tale.happenings:
        block: list[Command] = []
        for command in happening.raw:
            name = command[0].upper()
            if name == b"MULTI" or block:
                block.append(command)
                if name in (b"EXEC", b"DISCARD"):
                    yield block
                    block = []
            else:
                yield [command]
        if block:
            yield block


def _named(command: Command) -> str:
    name = command[0].decode("ascii", "replace").upper()
    return "a script" if name.startswith(("EVAL", "FCALL")) else name
