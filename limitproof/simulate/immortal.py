"""What must never be collected."""

from __future__ import annotations

import ctypes


def keep_for_ever(thing: object) -> None:
    """Let a coroutine or a greenlet that cannot be ended stand where it stands.

    It is thrown into as it is collected, also at the end of the process. One that catches that, as
    `while True: try: await event.wait() / except BaseException: pass` does, would go on from there,
    for ever and wherever that happens to be; so one reference to it is never given back.
    """
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))
