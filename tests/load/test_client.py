"""A client records whatever a limiter answers, and keeps to its schedule. Time is made by hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis

from limiters.contract import Decision
from limitproof.decisions import one_line, plain, rubbish, short
from limitproof.history import recorder as recording
from limitproof.history import records
from limitproof.history.columns import History, Key
from limitproof.history.meta import NANOSECONDS
from limitproof.history.outcome import Outcome
from limitproof.history.recorder import Recorder
from limitproof.load import client as clients
from limitproof.load import connection
from limitproof.load.client import DROP_AFTER, Client, ServerGoneError
from limitproof.traffic import Flood, Send
from tests.history.samples import META, Ticking

KEY = Key("scenario/key", "scenario")
MS = 1_000_000
INSTEAD = "return limitproof.testing.Decision"


class Clock(Ticking):
    """Can be slept on; a look at it takes 1 µs."""

    def monotonic_ns(self) -> int:
        self.now += 990
        return super().monotonic_ns()

    def time_ns(self) -> int:
        return self.now + 1000 + self.EPOCH

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.now += round(seconds * NANOSECONDS)


class Answering:
    """A limiter that does what it is told to; each answer takes `takes` seconds."""

    def __init__(self, clock: Clock, act: Callable[[], Any], takes: float = 0.0) -> None:
        self.asked: list[str] = []
        self._clock, self._act, self._takes = clock, act, takes

    def acquire(self, key: str, cost: int = 1) -> Decision:
        assert cost == 1
        self.asked.append(key)
        self._clock.sleep(self._takes)
        answer: Decision = self._act()
        return answer


def raising(error: BaseException) -> Callable[[], Any]:
    def act() -> None:
        raise error

    return act


def admit() -> Decision:
    return Decision(True)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in (recording, clients, connection):
        monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
def recorder(tmp_path: Path, clock: Clock) -> Iterator[Recorder]:  # noqa: ARG001
    with Recorder(tmp_path, 0) as recorder:
        yield recorder


def recorded(folder: Path) -> History:
    return records.assemble(records.read(folder), META)


def outcomes(folder: Path) -> list[Outcome]:
    return [Outcome(int(number)) for number in recorded(folder).operations.outcome]


class Unspeakable:
    def __repr__(self) -> str:
        raise RuntimeError("no words")


class Lengthy:
    def __repr__(self) -> str:
        return "two\n lines " * 100


class UnspeakableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


def test_a_decision_is_recorded_with_what_it_tells(
    tmp_path: Path, clock: Clock, recorder: Recorder
) -> None:
    answers = iter([Decision(True, 4, 0.5), Decision(False, -1, 0.25), Decision(True)])
    client = Client(3, Answering(clock, lambda: next(answers), 0.001), recorder, "prefix:")
    assert client.acquire(KEY) is Outcome.ADMITTED
    assert client.acquire(KEY, intended=recorder.now() - 5 * MS) is Outcome.REJECTED
    assert client.acquire(KEY) is Outcome.ADMITTED
    history = recorded(tmp_path)
    operations = history.operations
    assert outcomes(tmp_path) == [Outcome.ADMITTED, Outcome.REJECTED, Outcome.ADMITTED]
    assert operations.remaining.tolist()[:2] == [4, -1]
    assert operations.retry_after.tolist()[:2] == [0.5, 0.25]
    assert math.isnan(operations.remaining[2])
    assert math.isnan(operations.retry_after[2])
    assert operations.client.tolist() == [3, 3, 3]
    assert (operations.response - operations.invocation >= MS).all()
    assert (operations.invocation - operations.intended >= [0, 5 * MS, 0]).all()
    assert history.keys == (KEY,)  # as the scenario named it
    assert history.errors == ()


def test_the_limiter_sees_the_prefix(clock: Clock, recorder: Recorder) -> None:
    limiter = Answering(clock, admit)
    Client(0, limiter, recorder, "prefix:").acquire(KEY)
    assert limiter.asked == ["prefix:scenario/key"]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (None, f"acquire returned None, which is no Decision; {INSTEAD}("),
        ("yes", "acquire returned 'yes', which is no Decision"),
        (True, f"acquire returned True, which is no Decision; {INSTEAD}(allowed=True)"),
        (False, f"acquire returned False, which is no Decision; {INSTEAD}(allowed=False)"),
        (Unspeakable(), "acquire returned a Unspeakable whose repr raises RuntimeError"),
        (Lengthy(), "acquire returned two lines two"),
        (Decision(1), "Decision.allowed is 1, not True or False"),  # type: ignore[arg-type]
        (Decision(None), "Decision.allowed is None"),  # type: ignore[arg-type]
        (Decision(True, math.nan), "Decision.remaining is nan"),  # type: ignore[arg-type]
        (Decision(True, True), "Decision.remaining is True"),
        (Decision(True, "3"), "Decision.remaining is '3'"),  # type: ignore[arg-type]
        (Decision(False, 0, math.inf), "Decision.retry_after is inf"),
        (Decision(False, 0, -math.inf), "Decision.retry_after is -inf"),
        (Decision(False, 0, 1j), "Decision.retry_after is 1j"),  # type: ignore[arg-type]
    ],
)
def test_rubbish_is_an_error_told_in_one_line(
    tmp_path: Path, clock: Clock, recorder: Recorder, answer: object, told: str
) -> None:
    client = Client(0, Answering(clock, lambda: answer), recorder, "")
    assert client.acquire(KEY) is Outcome.ERROR
    assert outcomes(tmp_path) == [Outcome.ERROR]
    (error,) = recorded(tmp_path).errors
    assert error.startswith(told)
    assert "\n" not in error
    assert len(error.partition(f"; {INSTEAD}")[0]) < 150


@pytest.mark.parametrize(
    "decision",
    [Decision(True), Decision(False, -5, -0.1), Decision(True, 10**30), Decision(False, None, 0)],
)
def test_a_strange_decision_may_be_one(decision: Decision) -> None:
    """A negative number is for the checks to judge."""
    assert rubbish(decision) is None


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError("two\n  lines"), "ValueError: two lines"),
        (KeyError(), "KeyError"),
        (OSError("disk"), "OSError: disk"),  # a limiter's own, not that of the record
        (ConnectionError("builtin"), "ConnectionError: builtin"),
        (redis.ResponseError("NOSCRIPT"), "ResponseError: NOSCRIPT"),
        (UnspeakableError(), "UnspeakableError: its message raises RuntimeError"),
        (RuntimeError("x" * 1000), "RuntimeError: xxx"),
    ],
)
def test_what_a_limiter_raises_is_an_error(
    tmp_path: Path, clock: Clock, recorder: Recorder, error: Exception, told: str
) -> None:
    client = Client(0, Answering(clock, raising(error)), recorder, "")
    assert client.acquire(KEY) is Outcome.ERROR
    assert outcomes(tmp_path) == [Outcome.ERROR]
    (line,) = recorded(tmp_path).errors
    assert line.startswith(told)
    assert "\n" not in line
    assert len(line) <= 300


def test_a_number_that_no_float_can_hold_is_an_error(
    tmp_path: Path, clock: Clock, recorder: Recorder
) -> None:
    client = Client(0, Answering(clock, lambda: Decision(True, 10**400)), recorder, "")
    assert client.acquire(KEY) is Outcome.ERROR
    assert "no finite number" in recorded(tmp_path).errors[0]


def test_who_is_ended_in_the_middle_does_not_know_the_outcome(
    tmp_path: Path, clock: Clock, recorder: Recorder
) -> None:
    client = Client(0, Answering(clock, raising(KeyboardInterrupt())), recorder, "")
    with pytest.raises(KeyboardInterrupt):
        client.acquire(KEY)
    assert outcomes(tmp_path) == [Outcome.UNKNOWN]


@pytest.mark.parametrize(
    "error",
    [redis.ConnectionError("reset by peer"), redis.TimeoutError("5 s"), redis.BusyLoadingError()],
    ids=lambda error: type(error).__name__,
)
def test_a_lost_reply_is_unknown_and_eight_in_a_row_are_the_end(
    tmp_path: Path, clock: Clock, recorder: Recorder, error: Exception
) -> None:
    client = Client(0, Answering(clock, raising(error)), recorder, "")
    for _ in range(7):
        assert client.acquire(KEY) is Outcome.UNKNOWN
    with pytest.raises(ServerGoneError, match="did not answer 8 times in a row"):
        client.acquire(KEY)
    assert outcomes(tmp_path) == [Outcome.UNKNOWN] * 8
    assert recorded(tmp_path).errors == (one_line(error),)


def test_an_answer_in_between_ends_the_row(
    tmp_path: Path, clock: Clock, recorder: Recorder
) -> None:
    calls = iter(range(100))

    def act() -> Decision:
        if next(calls) % 8 == 7:
            return Decision(True)
        raise redis.ConnectionError("reset by peer")

    client = Client(0, Answering(clock, act), recorder, "")
    for _ in range(24):
        client.acquire(KEY)
    assert outcomes(tmp_path).count(Outcome.UNKNOWN) == 21


def test_a_request_is_sent_when_it_is_due(tmp_path: Path, clock: Clock, recorder: Recorder) -> None:
    client = Client(0, Answering(clock, admit), recorder, "")
    start = recorder.now() + 20 * MS
    client.perform([Send(0.0, KEY), Send(0.5, KEY), Send(60.0, KEY)], start)
    operations = recorded(tmp_path).operations
    due = [start, start + 500 * MS, start + 60_000 * MS]
    assert operations.intended.tolist() == due
    assert (operations.invocation >= due).all()
    assert (operations.invocation - due < MS).all()


def test_who_is_too_late_does_not_send(tmp_path: Path, clock: Clock, recorder: Recorder) -> None:
    limiter = Answering(clock, admit)
    start = recorder.now() - 2 * DROP_AFTER
    steps = [Send(0.0, KEY), Send(0.4, KEY), Send(0.6, KEY), Send(0.9, KEY)]
    Client(0, limiter, recorder, "").perform(steps, start)
    assert outcomes(tmp_path) == [Outcome.DROPPED] * 2 + [Outcome.ADMITTED] * 2
    operations = recorded(tmp_path).operations
    assert operations.intended.tolist() == [start + at * MS for at in (0, 400, 600, 900)]
    assert len(limiter.asked) == 2


def test_a_slow_limiter_makes_the_schedule_late(
    tmp_path: Path, clock: Clock, recorder: Recorder
) -> None:
    """Every 100 ms a request that takes 300 ms: what is more than 500 ms late is not sent."""
    steps = [Send(n / 10, KEY) for n in range(20)]
    Client(0, Answering(clock, admit, 0.3), recorder, "").perform(steps, recorder.now())
    operations = recorded(tmp_path).operations
    sent = operations.select(operations.sent)
    assert len(operations) == 20
    assert 5 < len(sent) < 12
    assert (sent.invocation - sent.intended <= DROP_AFTER + MS).all()


def test_a_herd_comes_back_to_back_however_late(
    tmp_path: Path, clock: Clock, recorder: Recorder
) -> None:
    limiter = Answering(clock, admit)
    start = recorder.now() - 2 * DROP_AFTER
    Client(0, limiter, recorder, "").perform([Send(0.0, KEY, count=5)], start)
    assert outcomes(tmp_path) == [Outcome.ADMITTED] * 5
    operations = recorded(tmp_path).operations
    assert (operations.intended == operations.invocation).all()


def test_a_flood_asks_until_its_end(tmp_path: Path, clock: Clock, recorder: Recorder) -> None:
    def key_at(at: float) -> Key:
        return Key(f"flood/{int(at)}", "flood")

    start = recorder.now() + 10 * MS
    client = Client(0, Answering(clock, admit, 0.01), recorder, "")
    client.perform([Flood(0.5, 2.5, key_at), Send(3.0, KEY)], start)
    history = recorded(tmp_path)
    flood = history.of_scenario("flood").operations
    assert 190 <= len(flood) <= 200
    assert int(flood.invocation[0]) >= start + 500 * MS
    assert int(flood.invocation[-1]) < start + 2501 * MS
    assert [key.name for key in history.keys] == [*(f"flood/{n}" for n in range(3)), KEY.name]


def test_a_limiter_that_only_raises_is_not_asked_without_a_rest(
    tmp_path: Path, clock: Clock, recorder: Recorder
) -> None:
    client = Client(0, Answering(clock, raising(ValueError())), recorder, "")
    client.perform([Flood(0.0, 10.0, lambda _: KEY)], recorder.now())
    assert 100 < len(outcomes(tmp_path)) < 300


def test_a_limiter_that_asks_nobody_does_not_fill_the_disk(
    tmp_path: Path, clock: Clock, recorder: Recorder
) -> None:
    client = Client(0, Answering(clock, admit), recorder, "")
    client.perform([Flood(0.0, 1.0, lambda _: KEY)], recorder.now())
    assert 500 < len(outcomes(tmp_path)) <= 2000


class Count(int):
    """A whole number of a limiter's own."""


@dataclass(frozen=True)
class Answer(Decision):
    """A decision of a limiter's own."""


def test_a_decision_of_own_types_becomes_a_plain_one() -> None:
    found = plain(Answer(True, Count(3), 0.5))
    assert found == Decision(True, 3, 0.5)
    assert (type(found), type(found.remaining)) == (Decision, int)
    assert plain(Decision(False)) == Decision(False)


@pytest.mark.parametrize("value", [Unspeakable(), Lengthy(), "x" * 500, "\n", object()])
def test_any_value_is_shown_in_a_short_line(value: object) -> None:
    text = short(value)
    assert text
    assert "\n" not in text
    assert len(text) <= 80


@pytest.mark.parametrize(
    "message", ["\x1b[2J wiped", "half a pair \ud800", "bell \x07", "a\nb\x85c"]
)
def test_what_is_raised_can_be_shown_anywhere(message: str) -> None:
    text = one_line(ValueError(message))
    assert text.isprintable()
    assert text.encode()
