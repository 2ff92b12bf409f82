"""Where gevent or eventlet stand in for the standard library, nothing is simulated."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from limitproof.simulate.patched import PATCHES, refuse_patched
from limitproof.simulate.refusal import RefusedError


@pytest.mark.parametrize(("name", "asked"), PATCHES)
def test_who_has_patched_is_named(monkeypatch: pytest.MonkeyPatch, name: str, asked: str) -> None:
    for patched in (False, True):
        told = SimpleNamespace(
            **{asked: lambda what, patched=patched: patched and what == "socket"}
        )
        monkeypatch.setitem(sys.modules, name, told)
        if not patched:
            refuse_patched()
    with pytest.raises(RefusedError, match=f"^{name.partition('.')[0]} has replaced"):
        refuse_patched()
