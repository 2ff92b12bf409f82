"""How an interleaving ended: what every client was told, and which keys are left.

Two ends are equal up to who is who and what random names they drew. Compared are the whole
decisions (allowed, remaining, retry after) and every key with its type, expiry and content.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from limiters.contract import Decision
from limitproof.history.outcome import Outcome
from limitproof.simulate.search.names import NOBODY, Names
from limitproof.simulate.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Told:
    """A decision as a client reads it; None where the limiter does not tell."""

    outcome: Outcome
    remaining: int | None = None
    retry_after: float | None = None

    @classmethod
    def of(cls, outcome: Outcome, decision: Decision | None) -> Told:
        if decision is None:
            return cls(outcome)
        return cls(outcome, decision.remaining, decision.retry_after)

    def __str__(self) -> str:
        said = self.outcome.name.lower()
        if self.remaining is not None:
            said += f", {self.remaining} remaining"
        if self.retry_after is not None:
            said += f", retry after {self.retry_after:g} s"
        return said


@dataclass(frozen=True, slots=True)
class End:
    """told: of each client, sorted; keys: (name, kind, expiry, content), names replaced.

    To the content of a hash belongs when its fields end.
    """

    told: tuple[tuple[Told, ...], ...]
    keys: tuple[tuple[bytes, str, int, tuple[object, ...]], ...]


def end_of(told: Sequence[tuple[Told, ...]], keys: Snapshot, names: Names) -> End:
    """The end of a run in which client i was told `told[i]`.

    Clients that were told the same are told apart by whose name comes first in the keys.
    """
    seen: dict[int, int] = {}
    if names:
        for entry in keys.entries:
            for element in entry.content:
                for owner in names.owners_in(element):
                    seen.setdefault(owner, len(seen))
    order = sorted(range(len(told)), key=lambda one: (repr(told[one]), seen.get(one, len(told))))
    role = {NOBODY: b"?"} | {client: b"%d" % place for place, client in enumerate(order)}
    content = tuple(
        (
            entry.name,
            entry.kind,
            entry.ends,
            (
                *_unordered(
                    entry.kind, [names.rename(text, role.__getitem__) for text in entry.content]
                ),
                *sorted(
                    (names.rename(field, role.__getitem__), end) for field, end in entry.fields
                ),
            ),
        )
        for entry in keys.entries
    )
    return End(tuple(told[client] for client in order), content)


def _unordered(kind: str, elements: Sequence[bytes]) -> tuple[object, ...]:
    """Without the order that no program may rely on: of a set, and of the fields of a hash.

    Let A and B HSET a name each, and B be counted first: only the order of the fields is as of
    no two requests one after the other.
    """
    if kind == "hash":
        return tuple(sorted(zip(elements[::2], elements[1::2], strict=True)))
    return by_score(kind, elements)


def by_score(kind: str, elements: Sequence[bytes]) -> tuple[object, ...]:
    """Sets, and equal scores of a sorted set, in the order of their labels, not of the names."""
    if kind == "set":
        return tuple(sorted(elements))
    if kind != "zset":
        return tuple(elements)
    return tuple(sorted(zip(elements[1::2], elements[::2], strict=True)))
