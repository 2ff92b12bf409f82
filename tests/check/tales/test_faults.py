"""Judges of what comes after a fault: a death, a lost reply, a wrong clock, forgotten scripts."""

from __future__ import annotations

from typing import Any

import pytest

from limitproof.check.tales.clock_skew import clock_skew
from limitproof.check.tales.crash import crash
from limitproof.check.tales.lost_reply import lost_reply
from limitproof.check.tales.script_flush import script_flush
from limitproof.stories import Drop, Forget, Kill, Lose, Skew
from tests.check.tales.telling import MS, Stored, Telling

LONG = 2_001 * MS
LIVES: Stored = {"k": (900, 1, 50)}


def after(
    fault: Any, soon: str, late: str, *, own: str = "U", then: Stored = LIVES, also: Stored = LIVES
) -> Telling:
    """Limit 2. A fault befalls client 0; then `soon`, and after two windows `late`.

    When it never came: two of three are admitted soon, both late.
    """
    told = Telling()
    told.falls(fault, 2, letter=own)
    told.look(then)
    told.asks(soon)
    told.wait(LONG)
    told.asks(late)
    told.again()
    told.look(also)
    told.asks("AAR")
    told.wait(LONG)
    told.asks("AA")
    return told


@pytest.mark.parametrize("soon", ["AAR", "ARR"])
def test_a_dead_request_may_count_once(soon: str) -> None:
    assert after(Kill(0), soon, "AA").judged(crash) == ""


def test_a_dead_request_counts_twice() -> None:
    assert after(Kill(0), "RRR", "AA").judged(crash) == (
        "a client dies after 2 steps, and 2 places are gone for one request"
    )


def test_a_dead_client_blocks_others() -> None:
    assert after(Kill(0), "ARR", "RR").judged(crash) == (
        "a client dies after 2 steps; 2 s later another is refused, which is admitted if it "
        "never came"
    )
    assert after(Kill(0), "UUU", "UU").judged(crash) == (
        "a client dies after 2 steps; another waits without end after it, which is admitted if "
        "it never came"
    )
    assert "raises oh" in after(Kill(0), "AER", "AA").judged(crash)


def test_a_dead_client_lets_too_many_in() -> None:
    assert after(Kill(0), "AAA", "AA").judged(crash) == (
        "a client dies after 2 steps; then 5 are admitted, more than promised"
    )


def test_a_dead_client_leaves_a_key_for_ever() -> None:
    kept: Stored = {"k": (None, 1, 50)}
    assert after(Kill(0), "AAR", "AA", then=kept).judged(crash) == (
        "a client dies after 2 steps and leaves 'k' without a TTL: it never expires"
    )
    # It is there without any death, too: that is for `expiry` to say.
    assert after(Kill(0), "AAR", "AA", then=kept, also=kept).judged(crash) == ""


def test_one_act_says_nothing_of_a_crash() -> None:
    told = Telling()
    told.falls(Kill(0))
    told.asks("RRR")
    assert told.judged(crash) == ""


@pytest.mark.parametrize(("own", "soon"), [("A", "ARR"), ("R", "AAR"), ("E", "ARR"), ("E", "AAR")])
def test_a_lost_reply_may_cost_one(own: str, soon: str) -> None:
    assert after(Lose(0), soon, "AA", own=own).judged(lost_reply) == ""


def test_a_lost_reply_costs_two() -> None:
    assert after(Lose(0), "RRR", "AA", own="A").judged(lost_reply) == (
        "the reply to step 3 of a request is lost; the request is admitted, and 2 places are gone "
        "for one"
    )


def test_a_lost_command_lets_too_many_in() -> None:
    assert after(Drop(0), "AAR", "AA", own="A").judged(lost_reply) == (
        "what is sent in step 3 of a request is lost; then 5 are admitted, more than promised"
    )


def test_a_lost_reply_is_waited_for_without_end() -> None:
    assert after(Lose(0), "AAR", "AA", own="U").judged(lost_reply) == (
        "the reply to step 3 of a request is lost, and it waits without end"
    )


def skewed(microseconds: int, off: str, right: str) -> str:
    told = Telling()
    told.do(Skew(1, microseconds))
    for answers in (off, right):
        told.asks("AA", client=0)
        told.wait(973 * MS)
        told.asks(answers, client=1)
        if answers is off:
            told.again()
    return told.judged(clock_skew)


def test_a_wrong_clock_changes_an_answer() -> None:
    assert skewed(50_000, "RR", "RR") == skewed(-50_000, "AA", "AA") == ""
    assert skewed(50_000, "AR", "RR") == (
        "with its clock 50 ms ahead, a client is admitted 0.975 s after the first of 2 requests, "
        "where it is refused with the right time: 1 too many"
    )
    assert skewed(-50_000, "RA", "AA") == (
        "with its clock 50 ms behind, a client is refused 0.975 s after the first of 2 requests, "
        "where it is admitted with the right time"
    )


def flushed(calm: str, other: str, *, error: str = "oh", flush: bool = True) -> str:
    told = Telling()
    told.asks(calm)
    told.again()
    told.ask(other[0])
    if flush:
        told.do(Forget())
    for letter in other[1:]:
        told.wait(MS)
        told.ask(letter, error=error)
    return told.judged(script_flush)


def test_a_flush_changes_an_answer() -> None:
    assert flushed("AAR", "AAR") == ""
    assert flushed("AAR", "AAA") == (
        "after SCRIPT FLUSH request 3 is admitted, which is refused without it"
    )
    assert flushed("AAR", "AEE", error="NoScriptError: gone") == (
        "after SCRIPT FLUSH request 2 raises NoScriptError: gone"
    )
    assert flushed("AAR", "AER").endswith("request 2 raises oh, which is admitted without it, and "
                                          "works again later")  # fmt: skip


def test_a_missing_script_counts_in_both_acts() -> None:
    """Who loads it once for a process has lost it for the act without a flush, too."""
    told = Telling()
    for last in (False, True):
        told.ask("E", error="NoScriptError: gone")
        told.do(Forget())
        if not last:
            told.again()
    assert told.judged(script_flush) == "after SCRIPT FLUSH request 1 raises NoScriptError: gone"
    assert flushed("AAE", "AAE") == ""


def test_without_a_flush_nothing_is_said() -> None:
    assert flushed("AAR", "AAA", flush=False) == ""
