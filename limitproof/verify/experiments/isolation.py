"""`isolation`: odd keys beside each other, many plain ones, and keys like what is stored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import permutations, product

from limitproof.check.tales.acts import promise_of_story
from limitproof.check.tales.isolation import isolation, raising, touched
from limitproof.stories import Ask, Go, Tale
from limitproof.verify.experiments.experiment import Experiment, Played, Summary, Trial
from limitproof.verify.experiments.hand import Hand
from limitproof.verify.laboratory import Laboratory

PROBE = "Zq7"  # found again in the names of what is stored for it
ROUNDS = 4  # three exhaust a limit of two; and one more later
MOST_SUSPECTS = 3  # keys for which a single other is looked for
LONG = "x" * 10_000
KEYS = (
    "a",
    "ab",  # begins with another
    "A",  # differs in case
    "caf\u00e9",
    "cafe\u0301",  # the same letters, otherwise composed (Unicode NFC and NFD)
    "\u0416",  # two that are alike where all beyond ASCII is left out, or is a question mark
    "\u042f",
    "a:1",
    "a1",  # the same without its separator
    "a:seq",
    "a:reset",
    "t:user:1",  # a tenant, and two of its users
    "t:user:2",
    *(f"a{mark}1" for mark in "/|.-_@,;#"),
    "a/",
    "a%20b",  # "a b" where somebody decodes what is part of a URL, and so is "a+b"
    "a+b",
    "a?b",  # "a" without its query
    "a\\",
    'a"',
    "{a}b",  # with the hash tag of a cluster: the slot of "a"
    "{a}",
    "a b",
    "a ",
    " a",
    "a\n",
    "a\0",
    "",
    "default",  # what an empty one may become
    "0",
    "01",
    "1",
    "*",  # patterns of KEYS and SCAN
    "a*",
    "[a]",
    LONG + "1",
    LONG + "2",  # differs beyond where one may cut
)

# Of so many, two fall together where names are hashed into some thousand buckets (the "birthday
# problem": 300 of 4,096 make eleven pairs). Squares, as a CRC tells neighbours apart.
CROWD = tuple(f"user-{number**2}" for number in range(300))


def _probe(hand: Hand) -> None:
    """One key beyond its limit, with a look after each step."""
    for _ in range(hand.room + 1):
        hand.do(Ask(0, PROBE, hand.cost))
        while hand.player.busy(0):
            hand.do(Go(0))
            hand.look()
        hand.wait(hand.spacing)
    hand.look()


def _beside(keys: Sequence[str], rounds: int, hand: Hand) -> None:
    """Act 1: all keys in rounds. Then an act for each key alone, at the same instants."""
    _rounds(keys, rounds, hand)
    for key in keys:
        hand.again()
        _rounds((key,), rounds, hand)


def _rounds(keys: Sequence[str], rounds: int, hand: Hand) -> None:
    """The last of all rounds comes half a window after the others."""
    quota = hand.player.world.cast.quota
    for number in range(rounds):
        if number:
            hand.wait(hand.spacing if number < ROUNDS - 1 else round(quota.window * 500_000))
        for key in keys:
            hand.ask(0, key)


def _trials(laboratory: Laboratory, played: Sequence[Played]) -> Iterator[Trial]:
    quota = laboratory.small(most=2)
    yield Trial(_probe, quota)
    for key in stored_like_keys(played[0].tale) if played else ():
        yield Trial(partial(_beside, (PROBE, key), ROUNDS), quota)
    yield Trial(partial(_beside, KEYS, ROUNDS), quota)
    yield Trial(partial(_beside, CROWD, 1), laboratory.small(most=1), plain=True)


def stored_like_keys(tale: Tale) -> list[str]:
    """Keys whose own state would be stored under a name that the probe's state uses, too.

    Stored for Zq7 are "limit:Zq7" and "limit:Zq7:seq": the key Zq7:seq is stored as the second.
    """
    names = sorted({key.name for sight in tale.sights for key in sight.keys})
    found: list[str] = []
    for one, other in permutations(names, 2):
        before, probe, after = one.partition(PROBE.encode())
        if not probe or not (other.startswith(before) and other.endswith(after)):
            continue
        key = other[len(before) : len(other) - len(after)].decode("utf-8", "replace")
        if key not in (PROBE, *found):
            found.append(key)
    return found


def _smaller(found: Played) -> Iterator[Trial]:
    """Two keys beside each other, in place of many; and then fewer rounds."""
    keys = list(dict.fromkeys(one.key for one in found.tale.operations if not one.act))
    if len(keys) == 2:
        for rounds in range(1, ROUNDS):
            yield Trial(partial(_beside, keys, rounds))
        return
    differ = touched(found.tale, promise_of_story(found.story))
    likely = list(dict.fromkeys((*differ, *keys)))  # a pair mostly harms each other
    for key, other in product(differ[:MOST_SUSPECTS], likely):
        if key != other:
            yield Trial(partial(_beside, (key, other), ROUNDS))


def _sum_up(played: Sequence[Played]) -> Summary:
    odd = raising([one.tale for one in played])
    end = f"; it raises for {', '.join(odd)}, alone as well" if odd else ""
    return Summary(
        f"{len(KEYS)} odd keys beside each other, and {len(CROWD)} plain ones, get the answers "
        f"that each gets alone{end}",
        measured={"keys": len(KEYS) + len(CROWD), "raises_for": odd},
    )


ISOLATION = Experiment("isolation", isolation, _trials, _sum_up, smaller=_smaller)
