"""The end of a client that never asks Redis, and of the process that it would keep."""

from __future__ import annotations

import ctypes
import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from types import FrameType, FunctionType
from typing import Any, NoReturn

import pytest

from limiters.promise import TokenBucket
from limitproof.simulate import watchdog as watching
from limitproof.simulate.refusal import HangError, RefusedError
from limitproof.simulate.watchdog import theirs, watchdog


class GivenUpError(BaseException):
    """What giving up is in these tests."""


def give_up(why: str) -> NoReturn:
    raise GivenUpError(why)


def refuse(error: RefusedError) -> NoReturn:
    raise error


def look_on(progress: Callable[[], int], inside: bool) -> None:
    """Wait under a watchdog that gives up after a tenth of a second."""
    with watchdog(progress, lambda: inside, refuse, give_up):
        until = time.perf_counter() + 30
        while time.perf_counter() < until:
            pass


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "SPIN_SECONDS", 0.06)


@pytest.mark.usefixtures("quick")
def test_a_client_that_asks_nothing_is_refused() -> None:
    with pytest.raises(HangError, match=r"for 0\.06 s it asked Redis nothing"):
        look_on(lambda: 0, inside=True)
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


@pytest.mark.usefixtures("quick")
def test_one_that_goes_on_all_the_same_is_given_up() -> None:
    refused = []

    def go_on() -> NoReturn:
        with watchdog(lambda: 0, lambda: True, refuse, give_up):
            while True:
                try:
                    while True:
                        pass
                except RefusedError as error:
                    refused.append(error)

    with pytest.raises(GivenUpError, match=r"cannot be stopped \(test_watchdog\.py, line \d+\)"):
        go_on()
    assert len(refused) == 1


@pytest.mark.usefixtures("quick")
def test_a_call_in_c_that_lets_only_threads_run_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A mutex that is locked twice: no handler of Python's runs before it is free again."""
    monkeypatch.setattr(watching, "DEAF_SECONDS", 0.1)
    libc, mutex = ctypes.CDLL(None), ctypes.create_string_buffer(128)
    said: list[str] = []

    def free(why: str) -> Any:
        said.append(why)
        libc.pthread_mutex_unlock(mutex)

    asked = count()
    with watchdog(lambda: next(asked), lambda: True, refuse, free):
        libc.pthread_mutex_lock(mutex)
        libc.pthread_mutex_lock(mutex)
    assert said[0] == "the limiter hangs in C, and cannot be stopped"


@contextmanager
def a_thread_that_computes() -> Iterator[None]:
    over = threading.Event()

    def compute() -> None:
        while not over.is_set():
            pass

    thread = threading.Thread(target=compute)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.usefixtures("quick")
def test_a_thread_that_computes_is_refused() -> None:
    def wait() -> None:
        asked = count()
        with watchdog(lambda: next(asked), lambda: True, refuse, give_up):
            threading.Event().wait(30)

    with (
        a_thread_that_computes(),
        pytest.raises(HangError, match="a thread of it computes without end"),
    ):
        wait()


@pytest.mark.usefixtures("quick")
def test_neither_who_asks_nor_the_search_itself_is_stopped() -> None:
    began = time.perf_counter()
    asked = count()

    def busy() -> None:
        until = time.time() + 0.2
        while time.time() < until:
            pass

    def ends_soon(inside: bool, progress: Callable[[], int]) -> None:
        with watchdog(progress, lambda: inside, refuse, give_up):
            FunctionType(busy.__code__, {"__name__": "limitproof.search", "time": time})()

    ends_soon(True, lambda: next(asked))
    ends_soon(False, lambda: 0)
    assert time.perf_counter() - began > 0.3


@pytest.mark.usefixtures("quick")
def test_what_is_raised_in_a_deletion_is_not_printed(capfd: pytest.CaptureFixture[str]) -> None:
    class Hangs:
        def __del__(self) -> None:
            until = time.perf_counter() + 10.0  # on a busy machine it takes some to be refused
            while time.perf_counter() < until:
                pass

    asked = []

    def note(error: RefusedError) -> NoReturn:
        asked.append(error)
        raise error

    with watchdog(lambda: len(asked), lambda: True, note, give_up):
        one = Hangs()
        del one
    assert asked
    assert capfd.readouterr() == ("", "")


def test_a_thread_that_computes_is_not_told_of_in_a_deletion(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is raised there is lost."""
    monkeypatch.setattr(watching, "SPIN_SECONDS", 0.3)  # threads take turns of 5 ms
    told = []

    class Slow:
        def __del__(self) -> None:
            until = time.perf_counter() + 0.5
            while time.perf_counter() < until:
                pass
            told.append(len(refused))

    refused: list[RefusedError] = []

    def note(error: RefusedError) -> NoReturn:
        refused.append(error)
        raise error

    asked = count()

    def deletes_and_goes_on() -> None:
        with watchdog(lambda: next(asked), lambda: True, note, give_up):
            one = Slow()
            del one
            while True:
                pass

    with a_thread_that_computes(), pytest.raises(HangError, match="a thread of it computes"):
        deletes_and_goes_on()
    assert told == [0]


def test_what_is_deleted_runs_on_top_of_a_search() -> None:
    seen: list[str] = []

    class Last:
        def __del__(self) -> None:
            frame = theirs(sys._getframe())
            assert frame is not None
            seen.append(frame.f_code.co_name)

    one = Last()
    del one
    assert seen == ["__del__"]


def test_code_is_a_limiters_unless_it_is_known_to_be_nobodys() -> None:
    """Called by json, which is of the standard library, and looked at in there."""
    seen = []
    frame = sys._getframe()

    class Looks(json.JSONEncoder):
        def default(self, _thing: object) -> str:
            seen.append(theirs(sys._getframe()))
            return ""

    json.dumps(object(), cls=Looks)
    assert seen[0] is not None
    assert seen[0].f_code.co_name == "default"
    assert theirs(frame) is frame
    assert theirs(None) is None


def test_a_promise_that_a_judge_asks_is_no_limiter() -> None:
    """Of thousands of requests a judge is in there for seconds, and no client runs."""
    seen: list[FrameType | None] = []

    class Rate(float):
        def __mul__(self, other: float) -> float:
            inside = sys._getframe().f_back
            assert inside is not None
            assert inside.f_code.co_name == "alpha"
            seen.append(theirs(inside))
            return float(self) * other

    TokenBucket(Rate(1.0), 1.0).alpha(2.0)
    assert seen == [sys._getframe()]


class RangError(Exception):
    """The alarm of somebody else."""


@contextmanager
def alarm(seconds: float) -> Iterator[None]:
    """As a plugin for time limits sets it."""

    def ring(_signal: int, _frame: FrameType | None) -> None:
        raise RangError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_somebodys_alarm_is_kept_with_what_is_left_of_it() -> None:
    with alarm(1000.0):
        with watchdog(lambda: 0, lambda: False, refuse):
            assert signal.getitimer(signal.ITIMER_REAL)[0] < 2
        assert 900 < signal.getitimer(signal.ITIMER_REAL)[0] <= 1000


def test_an_alarm_whose_time_came_rings_at_the_end() -> None:
    def outlast() -> None:
        with alarm(0.02), watchdog(lambda: 0, lambda: False, refuse):
            began = time.perf_counter()
            while time.perf_counter() < began + 0.03:
                pass
            seen.append("outlasted")

    seen: list[str] = []
    with pytest.raises(RangError):
        outlast()
    assert seen
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
