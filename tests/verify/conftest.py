"""What the tests of `verify` share."""

from __future__ import annotations

import pytest

from limitproof.simulate.bindings import Known


@pytest.fixture(autouse=True)
def clocks_are_looked_for_once(monkeypatch: pytest.MonkeyPatch, known_clocks: Known) -> None:
    """Not for each laboratory: with all tests imported, that takes a tenth of a second."""
    monkeypatch.setattr("limitproof.verify.laboratory.Known", lambda: known_clocks)
