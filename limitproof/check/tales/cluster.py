"""`cluster`: every key that is touched is declared, and no command or script spans two slots."""

from __future__ import annotations

from binascii import crc_hqx
from collections.abc import Iterator, Sequence

from limitproof.check.tales.acts import shown_key
from limitproof.stories import Story, Tale, Touched

SLOTS = 16_384
Command = tuple[bytes, ...]
Sent = tuple[Command, Touched]


def cluster(tale: Tale, _story: Story) -> str:
    """Which key a cluster would not let a limiter touch; "" when it knows of none.

    Needs a tale that is shown. A script may touch what it declares, and all keys of one command,
    script or transaction must be in one slot. A client of a cluster sends single commands to the
    node that holds their key, so keys of several commands may lie apart.
    """
    for sent in _together(tale):
        for command, keys in sent:
            if hidden := sorted(set(keys.inside) - set(keys.named)):
                return (
                    f"{_named(command)} touches {shown_key(hidden[0])} and does not declare it in "
                    "KEYS: a cluster may look for it on another node"
                )
        named = sorted({key for _, keys in sent for key in keys.named})
        if len({slot(key) for key in named}) > 1:
            what = "a transaction" if len(sent) > 1 else _named(sent[0][0])
            slots = ", ".join(str(slot(key)) for key in named[:3])
            return (
                f"{what} touches {' and '.join(map(shown_key, named[:3]))}, which are in slots "
                f"{slots}: a cluster refuses it (CROSSSLOT)"
            )
    return ""


def slot(key: bytes) -> int:
    """The slot of a key: CRC16 of what is between the first { and the next }, or of all.

    Source: https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/
    """
    _, brace, rest = key.partition(b"{")
    tag, end, _ = rest.partition(b"}")
    return crc_hqx(tag if brace and end and tag else key, 0) % SLOTS


def _together(tale: Tale) -> Iterator[Sequence[Sent]]:
    """Commands that a server does as one: each alone, but those from MULTI to EXEC."""
    for happening in tale.happenings:
        block: list[Sent] = []
        for command, keys in zip(happening.raw, happening.touched, strict=True):
            name = command[0].upper()
            if name == b"MULTI" or block:
                block.append((command, keys))
                if name in (b"EXEC", b"DISCARD"):
                    yield block
                    block = []
            else:
                yield [(command, keys)]
        if block:
            yield block


def _named(command: Command) -> str:
    name = command[0].decode("ascii", "replace").upper()
    return "a script" if name.startswith(("EVAL", "FCALL")) else name
