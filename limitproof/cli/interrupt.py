"""Ctrl-C: the first asks to end in order, the second ends at once."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def interruptible(what: str = "what was recorded will be judged") -> Iterator[Callable[[], bool]]:
    """A function that turns true on the first Ctrl-C; a second one stops at once.

    Raised inside a limiter, or where redis-py cleans up, a KeyboardInterrupt may be swallowed.
    what: is said of what is kept.
    """
    asked = False

    def ask(_signal: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        sys.stderr.write(f"\nstopping; {what} (Ctrl-C again to drop it)\n")

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, before)
