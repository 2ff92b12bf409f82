"""A story as text: one line an event, like lines as one, and the reason last."""

from __future__ import annotations

from dataclasses import replace

from limiters.contract import Decision
from limitproof.history.outcome import Outcome
from limitproof.report.example import as_text
from limitproof.stories import (
    Again,
    Ask,
    Event,
    Finish,
    Go,
    Happening,
    Kill,
    Operation,
    Story,
    Tale,
    Wait,
)

START = 1_700_000_000_000_000
SENT = ((("GET k",), ("nil",)), (("SETEX k 1 [1]",), ("OK",)))


def story_of(*events: Event, shows: str = "overshoot") -> Story:
    promise = {"kind": "sliding", "limit": 1, "window": 1.0}
    return Story("mine", 1, 1.0, promise, 0, events, shows)


def asked(
    client: int, place: int, *, allowed: bool = True, at: int = 0, act: int = 0, over: int = 0
) -> Operation:
    outcome = Outcome.ADMITTED if allowed else Outcome.REJECTED
    return Operation(
        client, "k", None, START + at, START + at, outcome,
        Decision(allowed, 0, None if allowed else 0.5), "", act, place, over or place + 1,
    )  # fmt: skip


def text(shows: str, because: str, operations: list[Operation], *happened: Happening) -> str:
    numbered = tuple(replace(one, place=place) for place, one in enumerate(happened))
    return told_of(shows, because, operations, numbered)


def told_of(
    shows: str, because: str, operations: list[Operation], happened: tuple[Happening, ...]
) -> str:
    story = story_of(*(one.event for one in happened), shows=shows)
    return as_text(story, Tale(tuple(operations), (), happened), because)


def test_a_race_is_told_step_by_step() -> None:
    first, second = asked(0, 0, over=3), asked(1, 1, over=4)
    told = text(
        "overshoot", "2 requests admitted at 0 ms", [first, second],
        Happening(Ask(0), START), Happening(Ask(1), START),
        Happening(Go(0), START, SENT[:1]),
        Happening(Finish(0), START, SENT[1:], answered=first),
        Happening(Finish(1), START, SENT, answered=second),
    )  # fmt: skip
    assert told.splitlines() == [
        "a sliding window of 1 per 1 s, mine",
        "  at  who  does                                    the limiter says  taken before",
        "0 ms  A    asks",
        "0 ms  B    asks",
        "0 ms  A    GET k → nil",
        "0 ms  A    goes on to the end: SETEX k 1 [1] → OK  admitted, 0 left  0 to 1 of 1",
        "0 ms  B    goes on to the end: GET k → nil         admitted, 0 left  0 to 1 of 1",
        "           SETEX k 1 [1] → OK",
        "overshoot: 2 requests admitted at 0 ms",
    ]


def test_what_happens_often_is_one_line_and_waits_are_read_off_the_instants() -> None:
    often = [asked(number % 2, 2 * number, allowed=number == 0) for number in range(9)]
    late = asked(0, 19, at=1_000_500, allowed=False)
    happened = [
        one
        for operation in often
        for one in (
            Happening(Ask(operation.client), START),
            Happening(Finish(operation.client), START, SENT, answered=operation),
        )
    ]
    told = text(
        "false-rejection", "room", [*often, late], *happened,
        Happening(Wait(1_000_500), START + 1_000_500),
        Happening(Ask(0), START + 1_000_500),
        Happening(Finish(0), START + 1_000_500, SENT, answered=late),
    )  # fmt: skip
    lines = told.splitlines()
    assert len(lines) == 6
    assert lines[2].split()[2:6] == ["A", "asks:", "GET,", "SETEX"]
    assert "A, B" in lines[3]
    assert "asks, 8 times" in lines[3]
    assert "refused, 0 left, wait 0.5 s" in lines[3]
    assert lines[4].startswith("1,000.5 ms")


def test_a_second_act_and_a_death_say_so() -> None:
    one = asked(0, 0)
    dead = Operation(1, "k", None, START, None, Outcome.UNKNOWN, place=2)
    twin = asked(0, 5, act=1)
    told = text(
        "contamination", "it is refused", [one, dead, twin],
        Happening(Ask(0), START), Happening(Finish(0), START, SENT, answered=one),
        Happening(Ask(1), START), Happening(Kill(1), START), Happening(Again(), START),
        Happening(Ask(0), START), Happening(Finish(0), START, SENT, answered=twin),
    )  # fmt: skip
    assert "B    dies" in told
    assert "all of it again, but for what was refused before the last request" in told
    assert told.splitlines()[-1] == "contamination: it is refused"


def test_what_is_not_shown_is_said_where_it_was_and_no_request_is_made_of_two() -> None:
    first, last = asked(0, 0), asked(0, 8, over=9, allowed=False)
    told = told_of(
        "overshoot", "too many", [first, last],
        (
            Happening(Ask(0), START, place=0),
            Happening(Finish(0), START, SENT[:1], answered=first, place=1),
            Happening(Ask(0), START, place=2),
            Happening(Finish(0), START, SENT, answered=last, place=9),
        ),
    )  # fmt: skip
    lines = [line.split() for line in told.splitlines()[2:]]
    assert lines[0][2:5] == ["A", "asks:", "GET"]
    assert lines[1][2:] == ["A", "asks"]
    assert lines[2] == ["…", "6", "events", "not", "shown"]
    assert lines[3][2:7] == ["A", "goes", "on", "to", "the"]
    assert told.splitlines()[-1] == "overshoot: too many"


def test_nothing_of_a_limiter_reaches_the_terminal_raw() -> None:
    raised = Operation(
        0, "a\x1b[2J", None, START, START, Outcome.ERROR, None, "Error: \x1b[31mred", 0, 0, 0
    )
    told = text(
        "contract", "raises", [raised], Happening(Ask(0, "a\x1b[2J"), START, answered=raised)
    )
    assert "\x1b" not in told
    assert "asks for 'a\\x1b[2J'" in told
