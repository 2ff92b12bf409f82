"""The last resort against a limiter that nothing stops."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import NoReturn

UNSTOPPABLE = 86  # exit code of a process that a limiter would have kept for ever
GiveUp = Callable[[str], NoReturn]
_end = os._exit  # while a limiter runs, that of `os` is refused


def end_process(why: str, stderr: int = 2) -> NoReturn:
    """Say why, and end this process with `UNSTOPPABLE`: whatever is raised in it is caught."""
    os.write(stderr, f"limitproof: {why}\n".encode(errors="backslashreplace"))
    _end(UNSTOPPABLE)
