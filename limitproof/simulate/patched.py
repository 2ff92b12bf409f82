"""Whether something else lets greenlets take turns here, which a simulation does itself."""

from __future__ import annotations

import sys
from typing import Any

from limitproof.simulate.refusal import RefusedError

PATCHES = (("gevent.monkey", "is_module_patched"), ("eventlet.patcher", "is_monkey_patched"))
"""The module that has replaced what is in the standard library, and who tells."""


def refuse_patched() -> None:
    """Raises RefusedError where gevent or eventlet stand in for the standard library.

    A limiter's file may say `monkey.patch_all()`, or import locust, which does.
    """
    for name, asked in PATCHES:
        module: Any = sys.modules.get(name)
        if module is not None and getattr(module, asked)("socket"):
            package = name.partition(".")[0]
            what = f"{package} has replaced the standard library's functions (`import locust` does)"
            raise RefusedError(f"{what}; leave that to whoever starts the service")
