"""Where in somebody's own file an exception was raised."""

from __future__ import annotations

import sysconfig
from functools import cache
from pathlib import Path
from types import TracebackType

INSTALLED = ("site-packages", "dist-packages")


def place_of(error: BaseException) -> str:
    """`path:line` of the innermost frame in a file of the user's own; "" when there is none.

    Not of this package, of limitproof, of Python, or of what is installed: a ConnectionError is
    raised in redis-py, and what its reader wants to see is the line that asked. The path is as seen
    from the current directory where it is below.
    """
    found = ""
    frame: TracebackType | None = error.__traceback__
    while frame is not None:
        path = frame.tb_frame.f_code.co_filename
        if _theirs(path):
            found = f"{_seen_from_here(path)}:{frame.tb_lineno}"
        frame = frame.tb_next
    return found


@cache
def _theirs(name: str) -> bool:
    path, here = Path(name), Path(__file__).parent
    if not path.is_absolute():  # "<string>", "<frozen importlib._bootstrap>"
        return False
    pythons = {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}
    folders = [here, here.parent / "limitproof", *map(Path, pythons)]
    return not any(map(path.is_relative_to, folders)) and not set(INSTALLED) & set(path.parts)


def _seen_from_here(path: str) -> str:
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except (ValueError, OSError):  # elsewhere, or the current directory is gone
        return path
