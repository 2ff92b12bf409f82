"""The sentence beside a counterexample in which time passes."""

from __future__ import annotations

from limiters.promise import SlidingWindow
from limitproof.check.yardstick import Yardstick
from limitproof.history.outcome import Outcome
from limitproof.schedules import Run, Step
from limitproof.simulate.because import because_of
from limitproof.simulate.search.ends import Told

YES, NO = Outcome.ADMITTED, Outcome.REJECTED
ONE_A_SECOND = Yardstick.of(SlidingWindow(1, 1.0))


def step(client: int, command: str, state: str, answered: Outcome | None = None) -> Step:
    return Step(
        client, (command,), ("1",), command.startswith("GET"), not command.startswith("GET"), state,
        answered,
    )  # fmt: skip


def clock(far: int, state: str = "(no key)", gone: tuple[str, ...] = ()) -> Step:
    return Step(-1, (), (), False, False, state, moved=far, at=far, gone=gone)


def told(run: Run, check: str, *, sequential: bool = False) -> str:
    said = tuple(tuple(Told(one) for one in answers) for answers in run.answers)
    return because_of(run, check, ONE_A_SECOND, said, sequential=sequential)


def test_time_that_passed_within_a_request() -> None:
    run = Run(
        (step(0, "GET k", "(no key)"), clock(5_000), step(0, "INCR k", "k = 1", YES)),
        ((YES,),),
        (((0, 5_000),),),
    )
    assert told(run, "overshoot").startswith(
        "5 ms passed between what A read (GET) and wrote (INCR): 1 were admitted"
    )


def test_a_key_that_expired_within_a_request() -> None:
    run = Run(
        (step(0, "GET k", "k = 1"), clock(5_000, gone=("k",)), step(0, "INCR k", "k = 1", YES)),
        ((YES,),),
        (((0, 5_000),),),
    )
    assert told(run, "overshoot").startswith(
        "A read (GET), then k expired, then A wrote (INCR): 1 were admitted"
    )


def test_time_between_two_requests_explains_nothing() -> None:
    steps = (
        step(0, "INCR k", "k = 1", YES), clock(2_000_000, "k = 1"), step(1, "INCR k", "k = 2", NO)
    )  # fmt: skip
    run = Run(steps, ((YES,), (NO,)), (((0, 0),), ((2_000_000, 2_000_000),)))
    assert told(run, "false-rejection") == (
        "B was refused, though nobody was admitted within 1 s before"
    )


def test_the_end_that_no_order_has_is_told_whole() -> None:
    run = Run((step(0, "GET k", "k = 1", YES),), ((YES,),))
    said = because_of(run, "linearizable", ONE_A_SECOND, ((Told(YES, 0, 0.5),),), sequential=False)
    assert said.endswith("ends so (A admitted, 0 remaining, retry after 0.5 s; k = 1)")


def test_an_error_is_told_in_its_own_words() -> None:
    run = Run(
        (step(1, "GET k", "", Outcome.ERROR),), ((), (Outcome.ERROR,)), errors=("KeyError: 1",)
    )
    assert told(run, "contract", sequential=True) == (
        "B was answered with KeyError: 1, one client after the other"
    )


def test_a_set_that_was_refused_wrote_nothing() -> None:
    """A and B ask for the lock, and only A gets it: B has not written over what A wrote."""
    held = "k = 1 (1000 ms)"
    for option, reply in (("NX", "nil"), ("NX GET", "1")):
        run = Run(
            (
                step(0, "GET n", "(no key)"),
                step(1, "GET n", "(no key)"),
                Step(1, ("SET k 1 NX",), ("OK",), False, True, held, YES),
                Step(0, (f"SET k 1 {option}",), (reply,), False, True, held, YES),
            ),
            ((YES,), (YES,)),
        )
        assert told(run, "overshoot").startswith("their commands took turns")


def test_a_set_that_wrote_the_same_again_wrote() -> None:
    held = "k = 1"
    run = Run(
        (
            step(0, "GET k", "(no key)"),
            step(1, "GET k", "(no key)"),
            Step(1, ("SET k 1",), ("OK",), False, True, held, YES),
            Step(0, ("SET k 1 XX",), ("OK",), False, True, held, YES),
        ),
        ((YES,), (YES,)),
    )
    assert "both read (GET) before either wrote (SET)" in told(run, "overshoot")
