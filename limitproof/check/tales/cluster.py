"""`cluster`: every key that is touched is declared, and no command or script spans two slots."""

from __future__ import annotations

from binascii import crc_hqx

from limitproof.check.tales.acts import shown_key
from limitproof.stories import Story, Tale

SLOTS = 16_384


def cluster(tale: Tale, _story: Story) -> str:
    """Which key a cluster would not let a limiter touch; "" when it knows of none.

    Needs a tale that is shown. A script may touch what it declares, and all keys of one command,
    script or transaction must be in one slot. A client of a cluster sends single commands to the
    node that holds their key, so keys of several commands may lie apart.
    """
    for as_one in (one for happening in tale.happenings for one in happening.touched):
        for did in as_one:
            if hidden := sorted(set(did.inside) - set(did.named)):
                return (
                    f"{_named(did.command)} touches {shown_key(hidden[0])} and does not declare it "
                    "in KEYS: a cluster may look for it on another node"
                )
        named = sorted({key for did in as_one for key in did.named})
        if len({slot(key) for key in named}) > 1:
            what = "a transaction" if len(as_one) > 1 else _named(as_one[0].command)
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


def _named(command: str) -> str:
    return "a script" if command.startswith(("EVAL", "FCALL")) else command
