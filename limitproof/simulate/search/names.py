"""Names that a client made up for itself, so that states which differ only in them are one.

Limiters name their entries by uuid or random numbers. Two clients that have seen the same replies
send the same command but for these names: that is how they are told. Assumed of a limiter: that
it takes such names for nothing but names. `Graph` looks whether it makes a difference whose name
comes first (ZRANK among equal scores), and then nobody is taken for anybody else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

NOBODY = -1  # the owner of a name of which it is not known whose it is
SHORTEST = 8
"""Bytes: a shorter word, such as "7", may stand somewhere by chance."""


def differ_in_names(words: Sequence[bytes], others: Sequence[bytes]) -> bool:
    """Whether two clients send the same but for words that are long enough for names."""
    return len(words) == len(others) and all(
        word == theirs or min(len(word), len(theirs)) >= SHORTEST
        for word, theirs in zip(words, others, strict=True)
    )


class Names:
    """Who owns which name, and by what label: the same label for the same name of two clients."""

    def __init__(self) -> None:
        self._owners: dict[bytes, tuple[int, bytes]] = {}
        self._by_label: dict[tuple[int, bytes], bytes] = {}
        self._ranks: dict[bytes, int] = {}
        self._pattern: re.Pattern[bytes] | None = None

    def __bool__(self) -> bool:
        return bool(self._owners)

    def compare(
        self, label: str, client: int, words: Iterable[bytes], other: int, others: Iterable[bytes]
    ) -> None:
        """Two clients that stand at the same place send these words: what differs are names."""
        for number, (word, theirs) in enumerate(zip(words, others, strict=False)):
            if word != theirs and len(word) >= SHORTEST and len(theirs) >= SHORTEST:
                mark = f"{label}.{number}".encode()
                self._own(word, client, mark)
                self._own(theirs, other, mark)

    def draw(self, words: Iterable[bytes]) -> None:
        """These words were drawn, whoever did, and each may stand for any other."""
        for word in words:
            if word not in self._owners:
                self._ranks[word] = 0
                self._owners[word] = (NOBODY, b"")
        self._compile()

    def owners_in(self, text: bytes) -> list[int]:
        """Whose names stand in a text, in order."""
        if self._pattern is None:
            return []
        return [self._owners[found[0]][0] for found in self._pattern.finditer(text)]

    def relabel(self, text: bytes, who: Callable[[int], bytes]) -> bytes:
        """The text with every name replaced by what `who` calls its owner, and its label."""
        if self._pattern is None:
            return text

        def told(found: re.Match[bytes]) -> bytes:
            owner, mark = self._owners[found[0]]
            return b"<%b:%b>" % (who(owner), mark)

        return self._pattern.sub(told, text)

    def rename(self, text: bytes, who: Callable[[int], bytes]) -> bytes:
        """As `relabel`, but told by which of its owner's names it is, wherever it was drawn."""
        if self._pattern is None:
            return text

        def told(found: re.Match[bytes]) -> bytes:
            owner, _ = self._owners[found[0]]
            return b"<%b:%d>" % (who(owner), self._ranks[found[0]])

        return self._pattern.sub(told, text)

    def swap(self, text: bytes, one: int, other: int) -> bytes | None:
        """The text as it were if two clients were each other; None where that is not known.

        Only for texts in which no length is written down, or where names are equally long.
        """
        if self._pattern is None:
            return text
        missing = False

        def told(found: re.Match[bytes]) -> bytes:
            nonlocal missing
            owner, mark = self._owners[found[0]]
            if owner not in (one, other):
                return found[0]
            name = self._by_label.get((other if owner == one else one, mark))
            missing |= name is None or len(name) != len(found[0])
            return name or b""

        swapped = self._pattern.sub(told, text)
        return None if missing else swapped

    def _own(self, word: bytes, client: int, mark: bytes) -> None:
        if word not in self._owners:
            self._ranks[word] = sum(owner == client for owner, _ in self._owners.values())
            self._owners[word] = (client, mark)
            self._by_label[client, mark] = word
            self._compile()

    def _compile(self) -> None:
        longest_first = sorted(self._owners, key=len, reverse=True)
        if longest_first:
            self._pattern = re.compile(b"|".join(map(re.escape, longest_first)))
