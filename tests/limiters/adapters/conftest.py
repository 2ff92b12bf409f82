"""Every test here has the published packages to itself."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from limiters.adapters.packages import known_packages


@pytest.fixture(autouse=True)
def _forget_packages() -> Iterator[None]:
    """Afterwards none of them is imported: a process can hold one version of each."""
    yield
    listed = {one.module for one in known_packages()}
    for name in [name for name in sys.modules if name.partition(".")[0] in listed]:
        del sys.modules[name]
