"""The clock inside of a simulation: each way of reading it tells the same millisecond."""

from __future__ import annotations

import gc
import importlib
import os
import re
import sys
import threading
import time
import timeit
import uuid
import weakref
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from itertools import repeat
from pathlib import Path
from types import MethodType
from typing import Any

import pytest
import redis

from limitproof.servers.virtual import START
from limitproof.simulate import bindings, holders
from limitproof.simulate.refusal import RefusedError
from limitproof.simulate.sandbox import sandbox
from tests.simulate import clocks, keepers


def test_every_clock_tells_the_instant_that_is_meant() -> None:
    """The float nearest to START + 1 ms is below it: what cuts off told START (seen before)."""
    instants = [START + 1_000 * offset for offset in (0, 1, 7, 999, 1001, 86_399_999)]
    now = [START]
    told = []
    with sandbox(lambda: now[0] / 1_000_000, os.urandom, lambda _: None) as travel:
        for now[0] in instants:
            travel(now[0] / 1_000_000)
            date = datetime.now(UTC)
            told.append(
                (
                    int(time.time() * 1_000_000),
                    time.time_ns() // 1_000,
                    int(date.replace(microsecond=0).timestamp()) * 1_000_000 + date.microsecond,
                    time.monotonic_ns() // 1_000,
                )
            )
    assert told == [(instant,) * 4 for instant in instants]


def test_names_bound_at_import_tell_it_too() -> None:
    with sandbox(lambda: START / 1_000_000, os.urandom, lambda _: None):
        assert set(clocks.every_clock()) == {START}
    assert START not in clocks.every_clock()


def test_so_do_names_that_something_else_keeps() -> None:
    """A dict, a class within a class, a decorator; beside them what raises at every question."""
    now = START / 1_000_000
    for _ in range(2):
        with sandbox(lambda: now, os.urandom, lambda _: None):
            told = keepers.every_clock()
            assert told == dict.fromkeys(told, now)
        assert now not in keepers.every_clock().values()
        assert keepers.CLOCKS["monotonic"] is time.monotonic
        assert (time.monotonic, time.perf_counter) == keepers.TUPLE


def test_what_is_bound_anew_meanwhile_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clocks, "sleep", time.sleep)  # put back at the end, whatever is there
    with sandbox(lambda: 0.0, os.urandom, lambda _: None):
        monkeypatch.setattr(clocks, "sleep", None)
    assert vars(clocks)["sleep"] is None


def bound_names() -> list[int]:
    """All that a sandbox changes of the module, as it is now: ids, as a list of them is changed."""
    known, timer = vars(clocks), vars(clocks.Timer)
    names = [
        *(known[name] for name in ("monotonic", "perf_counter", "sleep", "getpid")),
        time.sleep, time.monotonic, time.perf_counter, time.clock_gettime, os.getpid, os.urandom,
        timer["by"], timer["static"], timer["__init__"].__defaults__,
        timer["named"].__kwdefaults__["timer"], timeit.default_timer,
        vars(uuid)["_generate_time_safe"],
        *clocks.kept_functions(),
    ]  # fmt: skip
    return list(map(id, names))


def test_all_is_as_before_also_after_an_exception() -> None:
    before = bound_names()

    def breaks() -> None:
        with sandbox(lambda: START / 1_000_000, bytes, lambda _: None):
            assert all(now != one for now, one in zip(bound_names(), before, strict=True))
            raise RuntimeError

    for _ in range(2):  # the second time, where the names are is known
        with pytest.raises(RuntimeError):
            breaks()
        assert bound_names() == before


def test_a_module_imported_meanwhile_keeps_no_clock_of_a_world(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "imported_meanwhile.py").write_text(
        "from time import monotonic\ndef told(by=monotonic):\n    return by()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with sandbox(lambda: START / 1_000_000, os.urandom, lambda _: None):
        module = importlib.import_module("imported_meanwhile")
        assert module.told() == START / 1_000_000
    monkeypatch.delitem(sys.modules, "imported_meanwhile")
    assert module.monotonic is time.monotonic
    assert module.told() < START / 1_000_000


def test_what_is_kept_out_of_sight_is_as_the_real_one_afterwards() -> None:
    """A module imported meanwhile may put a name into an object, where nobody takes it out."""
    now = START / 1_000_000
    with sandbox(lambda: now, bytes, lambda _: pytest.fail("slept"), process=lambda: 7):
        kept = time.monotonic, time.sleep, os.urandom, os.getpid
    monotonic, sleep, urandom, getpid = kept
    assert time.monotonic() <= monotonic() < now
    sleep(0)
    assert urandom(16) != bytes(16)
    assert getpid() == os.getpid() != 7
    with sandbox(lambda: now + 1, bytes, lambda _: None, process=lambda: 8):
        assert (monotonic(), urandom(16), getpid()) == (now + 1, bytes(16), 8)


def test_outside_of_a_client_monotonic_time_is_real() -> None:
    """A search has so many seconds, and a clock that stood still would give it all there are."""
    began = time.perf_counter(), time.monotonic()
    with sandbox(
        lambda: START / 1_000_000, os.urandom, lambda _: None,
        inside=lambda: False, process=lambda: 7,
    ):  # fmt: skip
        assert began[0] <= time.perf_counter() < began[0] + 60
        assert began[1] <= time.monotonic() < began[1] + 60
        assert os.getpid() != 7
        assert time.time() == START / 1_000_000


def test_redis_py_is_told_the_real_process() -> None:
    """It would take another id for a fork, and throw its connections away."""
    with sandbox(lambda: 0.0, os.urandom, lambda _: None, process=lambda: 7):
        assert os.getpid() == 7
        assert redis.ConnectionPool().pid != 7


def test_no_clock_tells_the_millisecond_before() -> None:
    """Of 1700000000.009 time_machine made 1700000000.0089998: a millisecond early, cut off."""
    now = [START]
    with sandbox(lambda: now[0] / 1_000_000, os.urandom, lambda _: None) as travel:
        for millisecond in range(10_000):
            now[0] = START + millisecond * 1000
            travel(now[0] / 1_000_000)
            told = int(time.time() * 1000), time.time_ns() // 10**6, time.monotonic_ns() // 10**6
            assert set(told) == {now[0] // 1000}
            assert time.time_ns() // 1000 == now[0]
            assert round(datetime.now(tz=UTC).timestamp() * 1e6) == now[0]


def test_a_key_of_a_dict_is_known_by_the_fake() -> None:
    units = {time.monotonic: "s", time.monotonic_ns: "ns"}
    with sandbox(lambda: 0.0, os.urandom, lambda _: None):
        assert units[time.monotonic] == "s"
        assert units.keys() == {time.monotonic, time.monotonic_ns}
        assert hash(time.monotonic) != hash(time.perf_counter)


def test_what_is_one_object_stays_one_and_no_getter_is_asked() -> None:
    one: Any = (time.monotonic, {"state": 0})
    held = clocks.Guarded(by=time.monotonic)
    kept = clocks.Held([one, one])
    with sandbox(lambda: 0.0, os.urandom, lambda _: None):
        first, second = kept.what
        assert first is second
        assert first is not one
        assert first[1] is one[1]
        assert dict.__getitem__(held, "by") is time.monotonic
    assert kept.what[0] is one
    assert dict.__getitem__(held, "by") is time.monotonic


def test_an_object_made_after_the_first_world_is_seen() -> None:
    with sandbox(lambda: 7.0, os.urandom, lambda _: None):
        pass
    later = clocks.Held(time.monotonic)
    with sandbox(lambda: 7.0, os.urandom, lambda _: None):
        assert later.what() == 7.0


def test_so_is_who_holds_a_tuple_from_then_on_and_who_is_there_for_another() -> None:
    """As many hold the function as before."""
    later = clocks.Held(clocks.PAIR)
    for _ in range(3):
        with sandbox(lambda: 7.0, os.urandom, lambda _: None):
            assert later.what[0]() == 7.0
        later = clocks.Held((time.monotonic, time.sleep))


def test_who_holds_what_is_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes 20 ms and more, and a limiter is examined in dozens of worlds."""
    found: list[holders.Held] = []

    def held(functions: Sequence[Any]) -> holders.Held:
        found.append(holders.held(functions))
        return found[-1]

    monkeypatch.setattr(bindings, "held", held)
    later, known = list[Any](), bindings.Known()
    for expected in (1, 1, 1, 2, 2):
        if expected > len(later) + 1:
            later.append(clocks.Held(time.monotonic))
        with sandbox(lambda: 7.0, os.urandom, lambda _: None, known=known):
            assert all(one.what() == 7.0 for one in later)
        assert len(found) <= expected
    assert found


def test_another_limiter_is_looked_at_anew_though_as_many_hold_a_clock() -> None:
    """A list has gone that had it, and an object come that has it."""
    mine: Any = [time.monotonic]
    with sandbox(lambda: 7.0, os.urandom, lambda _: None):
        assert mine[0]() != 7.0  # only this frame holds it
    del mine
    later = clocks.Held(time.monotonic)
    with sandbox(lambda: 7.0, os.urandom, lambda _: None):
        assert later.what() == 7.0


def test_what_is_frozen_for_the_collector_is_seen() -> None:
    later = clocks.Held(time.monotonic)
    gc.freeze()
    try:
        with sandbox(lambda: 7.0, os.urandom, lambda _: None):
            assert later.what() == 7.0
        assert gc.get_freeze_count()
    finally:
        gc.unfreeze()


def test_garbage_is_not_frozen_with_what_is() -> None:
    class Garbage:
        """One that only the collector ends: it holds itself."""

        def __init__(self) -> None:
            self.itself = self

    gc.freeze()
    try:
        ended = weakref.ref(Garbage())
        with sandbox(lambda: 7.0, os.urandom, lambda _: None):
            pass
        assert ended() is None
    finally:
        gc.unfreeze()


@pytest.mark.parametrize(
    ("closed", "why"),
    [
        (lambda: ContextVar("clock", default=time.monotonic), "time.monotonic is kept in a Cont"),
        (lambda: iter(time.monotonic, None), "time.monotonic is kept in a callable_iterator, wher"),
        (
            lambda: [(repeat(time.sleep), 0)],
            "time.sleep is kept in a repeat, where it stays the re",
        ),
        (lambda: {time.monotonic: 1.0}, "time.monotonic is kept in a dict, where it stays"),
        (lambda: {time.monotonic}, "time.monotonic is kept in a set, where it stays"),
        (lambda: iter((time.sleep,)), "time.sleep is kept in a tuple_iterator, where"),
        (lambda: clocks.told_in_turn(time.monotonic), "time.monotonic is kept in a generator, wh"),
        (lambda: lru_cache(time.monotonic), "time.monotonic is kept in a _lru_cache_wrapper, wh"),
        (lambda: MethodType(time.sleep, 1), "time.sleep is kept in a method, where"),
    ],
)
def test_what_nobody_can_take_out_is_refused(closed: Callable[[], Any], why: str) -> None:
    first, known = clocks.Held(time.monotonic), bindings.Known()
    with sandbox(lambda: 7.0, os.urandom, lambda _: None, known=known):
        assert first.what() == 7.0
    kept = clocks.Held(closed())
    with (
        pytest.raises(RefusedError, match=re.escape(why)),
        sandbox(lambda: 7.0, os.urandom, lambda _: None, known=known),
    ):
        pytest.fail(f"it told {kept.what}")
    kept.what = None
    gc.collect()
    with sandbox(lambda: 7.0, os.urandom, lambda _: None, known=known):
        assert first.what() == 7.0


def test_what_no_limiter_holds_may_keep_a_clock() -> None:
    """As the generator of a fixture does, which waits for the end of its test."""
    waiting = clocks.told_in_turn(time.monotonic)
    with sandbox(lambda: 7.0, os.urandom, lambda _: None):
        assert next(waiting) != 7.0


def test_a_thread_that_has_a_clock_in_its_hand_is_named() -> None:
    begun, over = threading.Event(), threading.Event()

    def serve(by: Callable[[], float]) -> None:
        begun.set()
        over.wait(by())

    thread = threading.Thread(target=serve, args=(time.monotonic,))
    thread.start()
    try:
        assert begun.wait(60)
        with (
            pytest.raises(RefusedError, match=r"time\.monotonic is kept in a thread that runs"),
            sandbox(lambda: 7.0, os.urandom, lambda _: None),
        ):
            pytest.fail("it is not seen")
    finally:
        over.set()
        thread.join()


def test_too_many_to_look_through_are_refused() -> None:
    kept = clocks.Held([(time.monotonic, number) for number in range(holders.MANY + 1)])
    with (
        pytest.raises(RefusedError, match="more than 1,000 objects hold a clock"),
        sandbox(lambda: 7.0, os.urandom, lambda _: None),
    ):
        pytest.fail(f"it told {kept.what}")


def test_what_draws_may_be_kept_anywhere() -> None:
    """A library that does so is no limiter's."""
    kept = clocks.Held(map(os.urandom, repeat(16)))
    with sandbox(lambda: 7.0, lambda size: bytes(size), lambda _: None):
        assert kept.what


def test_at_a_whole_second_the_float_is_what_it_was() -> None:
    with sandbox(lambda: START / 1_000_000, os.urandom, lambda _: None):
        assert time.time() == START / 1_000_000
