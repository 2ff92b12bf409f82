"""Models that are wrong in one thing each, and the sentence by which a judge accuses them."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import pytest

from limiters.contract import Decision
from limiters.promise import FixedWindow, SlidingWindow, TokenBucket
from limitproof.check.tales.false_rejection import false_rejection
from limitproof.check.tales.ideal import Bucket, Ideal, SlidingLog, ideal
from limitproof.check.tales.overshoot import excess_of, overshoot
from limitproof.check.tales.remaining import remaining
from limitproof.check.tales.retry_after import retry_after
from limitproof.check.tales.twins import contamination, weights
from limitproof.history.outcome import Outcome
from limitproof.stories import Operation, Tale
from tests.check.tales.tellers import Move, Wrong, ask, tell, wait

START = 1_700_000_000_000_000
SLIDING = SlidingWindow(2, 0.1)
FIXED = FixedWindow(2, 0.1)
TOKEN = TokenBucket(20.0, 2.0)


def right(promise: SlidingWindow | FixedWindow | TokenBucket = SLIDING) -> Ideal:
    return ideal(promise)


class OneMore(SlidingLog):
    """Compares with <= where < is right."""

    def admit(self, now: int, cost: int = 1) -> Decision:
        self.limit = 3
        return super().admit(now, cost)


class NeverPrunes(SlidingLog):
    def admit(self, now: int, cost: int = 1) -> Decision:
        self.window = 10**12
        return super().admit(now, cost)


class DebitsRefused(SlidingLog):
    def admit(self, now: int, cost: int = 1) -> Decision:
        decision = super().admit(now, cost)
        self.log += [] if decision.allowed else [now] * cost
        return decision


class DebitsOne(SlidingLog):
    """Whatever the cost."""

    def admit(self, now: int, cost: int = 1) -> Decision:  # noqa: ARG002
        return super().admit(now, 1)


class DebitsPartly(SlidingLog):
    """A cost that does not fit takes what is left."""

    def admit(self, now: int, cost: int = 1) -> Decision:
        decision = super().admit(now, cost)
        if not decision.allowed:
            super().admit(now, decision.remaining or 1)
        return decision


class WholeTokens(Bucket):
    """Forgets the part of a token that has dripped in when it is asked."""

    def admit(self, now: int, cost: int = 1) -> Decision:
        decision = super().admit(now, cost)
        assert self.tokens is not None
        self.tokens = type(self.tokens)(int(self.tokens))
        return decision


def sliding(kind: type[SlidingLog]) -> SlidingLog:
    return kind(2, 100_000)


def told(promise: SlidingWindow | FixedWindow | TokenBucket, **figures: object) -> Wrong:
    return Wrong(right(promise), lambda decision: replace(decision, **figures))  # type: ignore[arg-type]


def later(seconds: float, promise: SlidingWindow | FixedWindow | TokenBucket = SLIDING) -> Wrong:
    """Tells refused clients to wait so much longer."""

    def change(decision: Decision) -> Decision:
        if decision.retry_after is None:
            return decision
        return replace(decision, retry_after=decision.retry_after + seconds)

    return Wrong(right(promise), change)


FILLED = [*ask(), *ask(), *ask()]


def test_one_too_many_is_an_overshoot() -> None:
    tale = tell(lambda: sliding(OneMore), FILLED)
    assert overshoot(tale, SLIDING) == (
        "3 requests admitted at 0 ms, where a sliding window of 2 per 0.1 s allows 2 "
        "(1 ms at the edges is not counted)"
    )
    assert excess_of(tale, SLIDING) == 1


@pytest.mark.parametrize(("gap", "accused"), [(98.999, True), (99, True), (99.001, False)])
def test_a_window_is_a_millisecond_shorter_for_an_overshoot(gap: float, accused: bool) -> None:
    tale = tell(lambda: sliding(OneMore), [*ask(), *ask(), *wait(gap), *ask()])
    assert bool(overshoot(tale, SLIDING)) is accused


def test_a_fixed_window_may_pass_twice_its_limit_at_an_edge_but_not_three_times() -> None:
    plan = [*wait(99), *ask(), *ask(), *wait(2), *ask(), *ask()]
    tale = tell(lambda: right(FIXED), plan)
    assert overshoot(tale, SLIDING) != ""
    assert overshoot(tale, FIXED) == ""
    more = tell(lambda: sliding(OneMore), [*FILLED, *wait(0.5), *FILLED])
    assert overshoot(more, FIXED) != "", "three at one instant share a window"


def test_a_bucket_is_held_to_its_rate() -> None:
    unlimited = told(TOKEN, allowed=True)
    plan = [*ask(), *ask(), *wait(40), *ask()]
    assert "a bucket of 2" in overshoot(tell(lambda: unlimited, plan), TOKEN)
    assert overshoot(tell(lambda: right(TOKEN), [*plan[:-3], *wait(10), *ask()]), TOKEN) == ""


def test_what_may_have_been_decided_elsewhere_is_no_overshoot() -> None:
    """The first of three may have been decided a window before the last."""
    plan = [Move(0), *wait(60), *ask(1), *wait(10), Move(0), Move(0), *wait(45), *ask(1)]
    tale = tell(lambda: sliding(OneMore), plan)
    assert [one.outcome for one in tale.operations] == [Outcome.ADMITTED] * 3
    assert overshoot(tale, SLIDING) == ""


def test_an_entry_that_never_leaves_refuses_for_nothing() -> None:
    tale = tell(lambda: sliding(NeverPrunes), [*ask(), *ask(), *wait(101), *ask()])
    assert false_rejection(tale, SLIDING) == (
        "the request at 101 ms is refused with at most 0 taken, where a sliding window of 2 per "
        "0.1 s has room for it (1 ms at the edges is not counted)"
    )
    soon = tell(lambda: sliding(NeverPrunes), [*ask(), *ask(), *wait(100.999), *ask()])
    assert false_rejection(soon, SLIDING) == ""


def test_a_request_without_an_answer_may_have_been_admitted() -> None:
    plan = [Move(1), *ask(), *ask()]
    refusing = Wrong(right(), lambda d: replace(d, allowed=d.allowed and d.remaining == 1))
    tale = tell(lambda: refusing, plan)
    assert tale.operations[0].outcome is Outcome.UNKNOWN
    assert false_rejection(tale, SLIDING) == ""
    assert false_rejection(tell(lambda: refusing, plan[1:]), SLIDING) != ""


def test_a_lost_reply_may_have_been_debited_as_well() -> None:
    refusing = tell(lambda: Wrong(right(), lambda d: replace(d, allowed=d.remaining == 1)), FILLED)
    assert false_rejection(refusing, SLIDING) != ""
    first = replace(refusing.operations[0], lost=1)
    assert false_rejection(Tale((first, *refusing.operations[1:])), SLIDING) == ""


def test_a_fraction_of_a_token_counts() -> None:
    bucket = right(TOKEN)
    assert isinstance(bucket, Bucket)
    plan = [*ask(), *ask(), *wait(30), *ask(), *wait(22), *ask()]
    tale = tell(lambda: WholeTokens(bucket.rate, bucket.burst), plan)
    assert "has room for it" in false_rejection(tale, TOKEN)


@pytest.mark.parametrize("figure", [-1, "yes", True, 0.5, float("nan")])
def test_absurd_figures_are_no_count(figure: object) -> None:
    tale = tell(lambda: told(SLIDING, remaining=figure), ask())
    assert f"told that {figure!r} remain, which is no count" in remaining(tale, SLIDING)


@pytest.mark.parametrize("promise", [SLIDING, FIXED, TOKEN])
def test_the_same_figure_cannot_be_told_twice_at_once(
    promise: SlidingWindow | FixedWindow | TokenBucket,
) -> None:
    tale = tell(lambda: told(promise, remaining=1), FILLED)
    assert "told that 1 remain" in remaining(tale, promise)


def test_two_at_once_cannot_both_have_been_first() -> None:
    plan = [Move(0), Move(1), Move(0), Move(1), Move(0), Move(1)]
    tale = tell(lambda: told(SLIDING, remaining=1), plan)
    assert "2 requests at 0 ms are told that 1 remain" in remaining(tale, SLIDING)


def test_a_figure_that_is_too_low() -> None:
    tale = tell(lambda: sliding(NeverPrunes), [*ask(), *wait(101), *ask()])
    assert "leaves at least 1" in remaining(tale, SLIDING)


def test_a_wait_that_is_too_short() -> None:
    plan = [*FILLED, *wait(99.1), *ask()]
    why = retry_after(tell(lambda: later(-0.002), plan), SLIDING)
    assert "told to wait 98 ms, but by then a sliding window of 2 per 0.1 s has no room yet" in why
    assert retry_after(tell(lambda: later(-0.0009), plan), SLIDING) == ""


def test_a_wait_that_is_too_short_for_what_the_limiter_kept() -> None:
    tale = tell(lambda: sliding(NeverPrunes), FILLED)
    short = [replace(o, decision=Decision(False, 0, 0.1)) for o in tale.operations[2:]]
    again = replace(short[0], begun=short[0].begun + 101_000, ended=short[0].begun + 101_000)
    again = replace(again, place=again.place + 5, over=again.place + 6)
    why = retry_after(Tale((*tale.operations[:2], short[0], again)), SLIDING)
    assert why == (
        "the request at 0 ms is refused and told to wait 100 ms, and refused again at 101 ms, "
        "with nobody in between (within 1 ms)"
    )


def test_a_wait_that_is_too_long() -> None:
    plan = [*FILLED, *wait(101), *ask()]
    why = retry_after(tell(lambda: later(0.0025), plan), SLIDING)
    assert "told to wait 102.5 ms, but admitted already at 101 ms" in why
    assert retry_after(tell(lambda: later(0.0015), plan), SLIDING) == ""


def test_a_wait_that_no_clock_can_hold_is_too_long() -> None:
    plan = [*FILLED, *wait(101), *ask()]
    why = retry_after(tell(lambda: later(1e308), plan), SLIDING)
    assert "told to wait 1e+308 s, but admitted already at 101 ms" in why


def test_whole_seconds_may_be_rounded_up() -> None:
    promise = SlidingWindow(2, 10.0)
    plan = [*FILLED, *wait(9_000), *ask(), *wait(1_000), *ask()]
    assert retry_after(tell(lambda: told(promise, retry_after=2), plan), promise) != ""

    def rounded(decision: Decision) -> Decision:
        wait = decision.retry_after
        return replace(decision, retry_after=wait and float(int(wait + 0.999)))

    plan = [*FILLED, *wait(9_500), *ask(), *wait(500), *ask()]
    assert retry_after(tell(lambda: Wrong(right(promise), rounded), plan), promise) == ""


@pytest.mark.parametrize("figure", [-0.001, float("inf"), "soon"])
def test_absurd_waits(figure: object) -> None:
    tale = tell(lambda: told(SLIDING, retry_after=figure), FILLED)
    assert f"told to wait {figure!r} s, which is no time to wait" in retry_after(tale, SLIDING)


def test_a_refused_request_leaves_no_debt() -> None:
    first = [*ask(), *ask(), *wait(50), *ask(), *ask(), *wait(51), *ask()]
    second = [*ask(), *ask(), *wait(50), *wait(51), *ask()]
    why = contamination(two(lambda: sliding(DebitsRefused), first, second))
    assert why == (
        "the request at 101 ms is refused; without the 2 requests refused before, it is admitted"
    )
    assert contamination(two(right, first, second)) == ""


def test_refusals_of_one_instant_are_counted_as_left_out() -> None:
    """The last request is asked for at the instant of these, and decided a window later."""
    operations: list[Operation] = []
    for act, (at_once, late) in enumerate((("ARRR", "R"), ("A", "A"))):
        for number, letter in enumerate((*at_once, late)):
            place, lasts = 2 * len(operations), 1_000_000 * (number == len(at_once))
            outcome = Outcome.ADMITTED if letter == "A" else Outcome.REJECTED
            operations.append(
                Operation(
                    1, "k", None, START, START + lasts, outcome,
                    act=act, place=place, over=place + 1,
                )
            )  # fmt: skip
    why = contamination(Tale(tuple(operations)))
    assert why.endswith("is refused; without the 3 requests refused before, it is admitted")


def test_twins_that_differ_in_more_are_none() -> None:
    first = [*ask(), *ask(), *wait(50), *ask(), *ask(), *wait(51), *ask()]
    other = [*ask(), *wait(50), *wait(51), *ask()]
    assert contamination(two(lambda: sliding(DebitsRefused), first, other)) == ""


def test_a_cost_of_two_debits_two() -> None:
    first = [*ask(cost=2), *ask(), *ask()]
    second = [*ask(), *ask(), *ask(), *ask()]
    why = weights(two(lambda: sliding(DebitsOne), first, second), SLIDING)
    assert why == (
        "after a cost of 2 the request at 0 ms is admitted; it is refused after as many single "
        "requests"
    )
    assert weights(two(right, first, second), SLIDING) == ""


def test_a_cost_is_taken_all_or_nothing() -> None:
    first = [*ask(), *ask(cost=2), *ask()]
    why = weights(two(lambda: sliding(DebitsPartly), first, [*ask(), *ask()]), SLIDING)
    assert "after a cost of 2 (refused) the request at 0 ms is refused" in why
    assert weights(two(right, first, [*ask(), *ask()]), SLIDING) == ""


def test_never_more_than_the_limit_at_once() -> None:
    why = weights(tell(lambda: told(SLIDING, allowed=True), ask(cost=3)), SLIDING)
    assert why == "a request of cost 3 is admitted at 0 ms, where the limit is 2"


def test_a_cost_gets_an_answer() -> None:
    tale = tell(lambda: told(SLIDING), ask(cost=3))
    (one,) = tale.operations

    def failing(error: str) -> Tale:
        return Tale((replace(one, outcome=Outcome.ERROR, decision=None, error=error),))

    assert weights(failing("ResponseError: nil"), SLIDING) == (
        "a request of cost 3 at 0 ms gets no answer: ResponseError: nil"
    )
    assert weights(failing("ValueError: more than the limit"), SLIDING) == ""


@pytest.mark.parametrize(("wait", "wrong"), [(0.0, True), (9.0, True), (None, False), (inf, False)])
def test_no_waiting_helps_what_is_above_the_limit(wait: float | None, wrong: bool) -> None:
    tale = tell(lambda: told(SLIDING), ask(cost=3))
    (one,) = tale.operations
    refused = replace(one, outcome=Outcome.REJECTED, decision=Decision(False, 2, wait))
    why = retry_after(Tale((refused,)), SLIDING)
    assert why.endswith("has no room yet (within 1 ms)") is wrong


def two(model: object, first: list[Move], second: list[Move]) -> Tale:
    """Two acts of different plans."""
    one = tell(model, first)  # type: ignore[arg-type]
    other = tell(model, second)  # type: ignore[arg-type]
    return Tale((*one.operations, *(replace(o, act=1) for o in other.operations)))
