"""Judges of what is stored: its time to live, its size, its keys, and who shares them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.crc import key_slot

from limiters.promise import TokenBucket
from limitproof.check.tales.acts import (
    LONGEST,
    cause_of,
    excess,
    patience,
    shown_key,
    window_behind,
)
from limitproof.check.tales.cluster import cluster, slot
from limitproof.check.tales.expiry import expiry
from limitproof.check.tales.isolation import isolation
from limitproof.check.tales.memory import memory
from limitproof.check.verdict import Cause
from limitproof.history.outcome import Outcome
from limitproof.stories import Finish, Go, Kill, Operation, Skew, Story
from tests.check.tales.telling import MS, Telling

WINDOW = 1_000 * MS


@dataclass(frozen=True)
class Unknown:
    """A promise of no kind that is known: judged by all pairs."""

    bucket: TokenBucket
    kind: ClassVar[str] = "unknown"

    def alpha(self, duration: float) -> float:
        return self.bucket.alpha(duration)


def test_a_key_without_a_ttl_is_named() -> None:
    told = Telling()
    told.asks("A")
    told.look({"k": (900, 1, 50), "k:seq": (None, 1, 50)})
    assert told.judged(expiry) == "'k:seq' is left without a TTL after a request: it never expires"
    told = Telling()
    told.falls(Kill(0), 1)
    told.look({"k": (None, 1, 50)})
    assert told.judged(expiry) == (
        "'k' is left without a TTL when a client dies after 1 step: it never expires"
    )


@pytest.mark.parametrize(("ttl", "why"), [(5_000, ""), (5_002, "'k' is kept for 5.002 s, where")])
def test_a_ttl_is_bounded(ttl: int, why: str) -> None:
    assert patience(WINDOW) == 5_000 * MS
    told = Telling()
    told.ask("A")
    told.look({"k": (ttl, 1, 50)})
    assert told.judged(expiry).startswith(why)
    assert bool(told.judged(expiry)) == bool(why)


@pytest.mark.parametrize(
    ("held", "right"), [({"k": "2"}, True), ({"k": "1"}, False), ({"other": "2"}, False)]
)
def test_what_counts_for_long_is_kept_for_long(held: dict[str, str], *, right: bool) -> None:
    """A second act, in which another client came before: does the key hold the same without it?"""
    told = Telling()
    told.ask("A")
    told.look({"k": (86_400_000, 1, 50)}, digest="1")
    told.wait(patience(WINDOW))
    told.ask("A")
    for name, digest in held.items():
        told.look({name: (86_400_000, 1, 50)}, digest=digest)
    told.again()
    told.ask("A", key="z")
    told.wait(patience(WINDOW))
    told.ask("A")
    told.look({"k": (86_400_000, 1, 50), "z": (86_395_000, 1, 50)}, digest="1")
    assert told.judged(expiry) == (
        "" if right else "'k' is kept for 86400 s, where a window is 1 s"
    )


def test_nothing_counts_for_more_than_a_year() -> None:
    told = Telling()
    for key in "kz":
        told.ask("A", key=key)
        told.wait(patience(WINDOW))
        told.ask("A")
        told.look({"k": (LONGEST // MS + 1, 1, 50)}, digest=key)
        if key == "k":
            told.again()
    assert told.judged(expiry).startswith("'k' is kept for 3.16224e+07 s, where")


def test_patience_is_undone() -> None:
    assert [window_behind(patience(window)) for window in (0, 1, WINDOW)] == [0, 1, WINDOW]
    assert window_behind(1) == 0


def dies(ttl: int | None, then: str, kind: str = "sliding") -> str:
    """All is admitted; the key has so long to live; half a window later it is asked again."""
    told = Telling(kind=kind)
    told.asks("AA")
    told.look({} if ttl is None else {"k": (ttl, 1, 50)})
    told.wait(WINDOW // 2)
    told.asks(then)
    return told.judged(expiry)


def test_a_key_dies_while_it_counts() -> None:
    assert dies(998, "RR") == dies(400, "RR") == dies(None, "RR") == ""
    assert dies(400, "AA") == (
        "what is stored is gone after 0.401 s, and 3 are admitted within 0.502 s: 2 per 1 s were "
        "promised"
    )
    assert dies(None, "AA").startswith("what is stored is gone at once, and 3 are admitted")


def test_too_many_beside_a_living_key_are_not_its_end() -> None:
    assert dies(998, "AA") == ""


def test_a_fixed_window_may_begin_anew() -> None:
    assert dies(400, "AA", "fixed") == ""
    assert "5 are admitted within" in dies(400, "AAA", "fixed")


def steady(second: tuple[int | None, int, int], tail: str = "RRRR") -> str:
    """Refused for four windows, with a look after two and a half and at the end."""
    told = Telling()
    told.asks("AAR")
    for _ in range(5):
        told.wait(WINDOW // 2)
        told.ask("R")
    told.look({"k": (1_000, 1, 50)})
    for letter in tail:
        told.wait(WINDOW // 4)
        told.ask(letter)
    told.look({"k": second})
    return told.judged(expiry)


def test_each_request_starts_the_ttl_anew() -> None:
    assert steady((1_000, 1, 50)) == (
        "each request, also a refused one, starts the TTL of 'k' anew: nobody is admitted for "
        "3.502 s of steady traffic"
    )


def test_a_log_that_grows_is_not_the_ttls_doing() -> None:
    assert steady((1_000, 9, 400)) == ""
    assert steady((1_000, 1, 400)) == ""


def test_who_admits_again_has_not_starved() -> None:
    assert steady((1_000, 1, 50), "RRRA") == ""


def rising(*entries: int) -> str:
    told = Telling()
    for number, (rate, held) in enumerate(zip((4, 16, 64), entries, strict=True)):
        if number:
            told.again()
        told.asks("AA" + "R" * (rate - 2))
        told.look({"k": (900, held, 40 + 16 * held)})
    return told.judged(memory)


def test_refused_requests_are_stored() -> None:
    assert rising(2, 2, 2) == ""
    assert rising(4, 16, 20) == "", "buckets that fill up are bounded"
    assert rising(4, 16, 64) == (
        "refused requests are stored, too: 4 requests in a window are 4 entries (104 bytes), 64 "
        "are 64 (1,064 bytes), where the limit is 2"
    )


def through(sizes: list[int], left: int | None = -2) -> str:
    """A look a window; then idleness, and what is left with such a TTL (-2: nothing)."""
    told = Telling()
    for size in sizes:
        told.asks("AAR")
        told.look({"k": (900, max(1, size // 16), size)})
        told.wait(WINDOW)
    told.wait(86_400 * WINDOW)
    told.look({} if left == -2 else {"k": (left, 1, 50)})
    return told.judged(memory)


def test_what_grows_for_good() -> None:
    assert through([100] * 20) == ""
    assert through([100, 200, 300, 400, 500, *[500] * 15]) == "", "a TTL of five windows"
    assert through([100 * n for n in range(1, 21)]).startswith(
        "it grows for good: from 6 to 125 entries and from 100 to 2,000 bytes in 19.1 windows, "
        "33.33 bytes a request; 1 GB is full after 125 days of it"
    )


def test_what_is_left_after_idleness() -> None:
    assert through([100] * 20, None).startswith("1 key is left after 86401 s without a request")
    assert through([100] * 20, None).endswith("'k' without a TTL")
    assert through([100] * 20, 900).endswith("'k' with a TTL of its own")


def beside(mixed: str, alone: str, *, left: tuple[int | None, int | None] = (1, 1)) -> str:
    told = Telling()
    for letter in mixed:
        told.ask("A", key="b")
        told.ask(letter, key="a", left=left[0], error="WRONGTYPE of b")
    told.again()
    for letter in alone:
        told.ask(letter, key="a", left=left[1], error="too long")
    return told.judged(isolation)


def test_another_key_changes_an_answer() -> None:
    assert beside("AR", "AR") == ""
    assert beside("EE", "EE") == "", "it raises alone as well"
    assert beside("AR", "AA") == (
        "request 2 of key 'a' is refused (1 left) when 'b' is in use too; alone it is admitted "
        "(1 left)"
    )
    assert "raises WRONGTYPE of b" in beside("AE", "AA")
    assert "is admitted (0 left)" in beside("A", "A", left=(0, 1))


def nodes(*packets: tuple[str, ...], seen: tuple[str, ...] = ()) -> str:
    told = Telling()
    for commands in packets:
        told.sent(*commands, keys=seen)
    return told.judged(cluster)


def test_keys_on_a_cluster() -> None:
    two = ("k", "k:seq")
    assert nodes(("EVALSHA x 1 k 5",), seen=("k",)) == ""
    assert nodes(("INCR k",), ("SET k:seq 1",), seen=two) == "", "each on its own node"
    assert nodes(("INCR k", "SET k:seq 1"), seen=two) == "", "a pipeline is no transaction"
    assert nodes(("EVALSHA x 1 k k:seq",), seen=two).startswith(
        "a script touches 'k:seq' and does not declare it in KEYS"
    )
    assert nodes(("EVALSHA x 2 k k:seq 5",), seen=two).startswith(
        "a script touches 'k' and 'k:seq'"
    )
    assert nodes(("EVALSHA x 2 {k} {k}:seq 5",), seen=("{k}", "{k}:seq")) == ""
    assert nodes(("MGET k k:seq",), seen=two).startswith("MGET touches 'k' and 'k:seq'")
    assert nodes(("MULTI", "INCR k", "SET k:seq 1", "EXEC"), seen=two).startswith("a transaction")
    assert nodes(("MULTI", "INCR k", "EXEC"), ("SET k:seq 1",), seen=two) == ""


@given(st.text(alphabet="ab{}:é", max_size=8))
def test_slots_are_those_of_redis(key: str) -> None:
    assert slot(key.encode()) == key_slot(key.encode())


def test_what_a_story_needs() -> None:
    def cause(*events: object) -> Cause:
        return cause_of(Story("x", 1, 1.0, {}, 0, events, "x"))  # type: ignore[arg-type]

    assert cause(Finish(0), Finish(1)) is Cause.ALGORITHM
    assert cause(Go(0), Go(0)) is Cause.ALGORITHM
    assert cause(Go(0), Finish(1), Finish(0)) is Cause.RACE
    assert cause(Go(0), Kill(0), Finish(1)) is Cause.FAULT
    assert cause(Skew(0, 1)) is Cause.FAULT


@given(
    st.lists(
        st.tuples(
            st.sampled_from([0, 1, 400, 1_000, 1_001, 250_000, 1_000_000]), st.integers(1, 3)
        ),
        max_size=12,
    ),
    st.sampled_from([(3.0, 5.0), (4.0, 1.0), (100.0, 3.0), (0.5, 2.0)]),
)
def test_a_bucket_overflows_where_some_two_admissions_say_so(
    waits_and_costs: list[tuple[int, int]], figures: tuple[float, float]
) -> None:
    bucket, at, operations = TokenBucket(*figures), 1_700_000_000_000_000, []
    for place, (wait, cost) in enumerate(waits_and_costs):
        at += wait
        operations.append(Operation(0, "k", cost, at, at, Outcome.ADMITTED, place=place))
    assert excess(operations, bucket) == excess(operations, Unknown(bucket))


def test_a_long_name_keeps_its_end() -> None:
    assert shown_key("x" * 100 + "1") == f"'{'x' * 32}…xxxxxxx1 (101 long)'"
    assert shown_key(b"a\0") == r"'a\x00'"
    assert excess((), None) is None  # type: ignore[arg-type]
