"""What ends a client that computes, or waits, and never asks Redis."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, process_time, thread_time
from types import FrameType

from greenlet import GreenletExit

from limitproof.simulate.places import SKIPPED
from limitproof.simulate.refusal import HangError, RefusedError
from limitproof.simulate.sandbox import Refuse
from limitproof.simulate.unstoppable import GiveUp, end_process

SPIN_SECONDS = 1.5  # of real time in which it asks Redis nothing
LOOKS = 6  # in that time
BUSY = 0.25  # of the processor time at least, at every look: a thread that computes gets about half
AWAKE = 0.1  # of the real time; on a machine with much else to do nobody gets more than some of it
PATIENCE = 4  # times as long, for who gets so little of a processor that it may not be its fault
DEAF_SECONDS = 7.0  # in which no signal is handled
OURS = SKIPPED | {"redis", "hiredis", "psutil", "jinja2", "markupsafe", "attr", "sortedcontainers"}
"""Whose code runs on top of ours without a limiter that has called it."""
JUDGED_BY = frozenset({"limiters.promise", "limiters.contract"})
"""So does the code of these modules: a judge asks a promise again and again."""


def theirs(frame: FrameType | None) -> FrameType | None:
    """A limiter's code, or anybody's `__del__`, that runs on top of ours; None where there is none.

    What is deleted, and a generator that is closed where it was left, may run wherever the search
    stands.
    """
    while frame is not None:
        name = str(frame.f_globals.get("__name__", ""))
        module = name.partition(".")[0]
        if (module not in OURS and name not in JUDGED_BY) or frame.f_code.co_name == "__del__":
            return frame
        if module == "limitproof":
            return None
        frame = frame.f_back
    return None


@contextmanager
def watchdog(
    progress: Callable[[], int],
    inside: Callable[[], bool],
    refuse: Refuse,
    give_up: GiveUp = end_process,
) -> Iterator[None]:
    """End a client that never asks Redis; in the main thread only.

    progress: a number that grows as clients ask; inside: whether a client runs now. A client that
    is the same at all looks has had at least `SPIN_SECONDS` of a processor, or has waited so long,
    and is refused. One that goes on after that, as it catches every exception, that hangs where no
    exception gets out, or in C where no signal is handled, is not to be stopped: then `give_up` is
    called with a sentence, in this thread or another. Refused is also one that has left a thread
    computing: with each client that is made there are more of them, and all else comes to a stand.
    Elsewhere than in the main thread there are no signals (signal(2)), and nothing is watched.
    An alarm that was set before (a test's time limit) is set again at the end, for what is left of
    it; one whose time has come meanwhile then rings at once.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    seen, still, looks, refused, unseen = -1, 0.0, 0, -1, 0
    over, period = threading.Event(), SPIN_SECONDS / LOOKS
    busy, burnt = 0, (process_time(), thread_time())

    def look_at_threads(frame: FrameType | None, of_all: float, of_mine: float) -> None:
        nonlocal busy
        busy = busy + 1 if of_all - of_mine > max(BUSY * of_all, AWAKE * period) else 0
        if busy >= LOOKS and not _deletes(frame):
            busy = 0
            refuse(HangError("a thread of it computes without end"))

    def look(_signal: int, frame: FrameType | None) -> None:
        nonlocal seen, still, looks, refused, unseen, burnt
        unseen = 0
        before, burnt = burnt, (process_time(), thread_time())
        of_all, of_mine = burnt[0] - before[0], burnt[1] - before[1]
        look_at_threads(frame, of_all, of_mine)
        asked, client = progress(), inside()
        if asked != seen or not (client or theirs(frame)):
            seen, still, looks = asked, 0.0, 0
            return
        looks += 1
        still += 1.0 if of_all < AWAKE * period else min(of_all / period, 1.0)
        if still < LOOKS - 0.5 and looks < PATIENCE * LOOKS:
            return
        if refused == asked or not client:
            where = _where(theirs(frame) or frame)
            give_up(f"the limiter computes without end, and cannot be stopped ({where})")
        still, looks, refused = 0.0, 0, asked
        refuse(HangError(f"it hangs: for {SPIN_SECONDS:g} s it asked Redis nothing"))

    def guard() -> None:
        """A call in C may let threads run, but no handler; as getaddrinfo() without an answer."""
        nonlocal unseen
        while not over.wait(period):
            unseen = unseen + 1 if signal.getsignal(signal.SIGALRM) is look else 0
            if unseen * period > DEAF_SECONDS:
                give_up("the limiter hangs in C, and cannot be stopped")

    before = signal.signal(signal.SIGALRM, look)
    began = perf_counter()
    alarm, again = signal.setitimer(signal.ITIMER_REAL, period, period)
    threading.Thread(target=guard, name="watchdog", daemon=True).start()
    try:
        with _lost_in_silence():
            yield
    finally:
        over.set()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if alarm:
            left = alarm - (perf_counter() - began)
            signal.setitimer(signal.ITIMER_REAL, max(left, 1e-6), again)


@contextmanager
def _lost_in_silence() -> Iterator[None]:
    """No word of Python's where what ends a client is raised in a `__del__` and gets no further.

    The client is refused all the same, and that is said once.
    """
    before = sys.unraisablehook

    def hook(lost: sys.UnraisableHookArgs) -> None:
        if not isinstance(lost.exc_value, (RefusedError, GreenletExit)):
            before(lost)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = before


def _deletes(frame: FrameType | None) -> bool:
    """Whether a `__del__` is under way: no exception gets out of it, it is printed there."""
    while frame is not None and frame.f_code.co_name != "__del__":
        frame = frame.f_back
    return frame is not None


def _where(frame: FrameType | None) -> str:
    if frame is None:
        return "in C"
    return f"{Path(frame.f_code.co_filename).name}, line {frame.f_lineno}"
