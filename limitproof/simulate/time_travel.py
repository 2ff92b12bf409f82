"""time_machine, imported without pytest where no test runs.

Only to offer pytest a fixture does time_machine import it, where it is installed: as many modules
as all of ours, and a tenth of a second before a command begins. It goes without, as where pytest is
not installed. In a process that has imported pytest nothing is done about it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _not_importing(name: str) -> Iterator[None]:
    """Whoever imports this module meanwhile is told that there is none, unless it is imported.

    Source of the way: the Python Language Reference, 5.3.1, "The module cache".
    """
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[name]


with _not_importing("pytest"):
    from time_machine import travel

__all__ = ["travel"]
