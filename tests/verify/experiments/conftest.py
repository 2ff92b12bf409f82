"""A laboratory for a limiter, on the worker's Redis whose clock is set by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from limiters.contract import Quota
from limiters.registry import resolve
from limitproof.servers.virtual import VirtualServer
from limitproof.verify.laboratory import Laboratory, Subject
from tests.verify.experiments.specimens import (
    base,
    cluster,
    expiry,
    faults,
    isolation,
    memory,
    right,
)

OpenLaboratory = Callable[..., Laboratory]
USUAL = Quota(5, 1.0)
SPECIMENS = (base, cluster, expiry, faults, isolation, memory, right)
SECONDS = 60.0  # of which an examination takes one or two: a busy machine must change nothing


@pytest.fixture
def laboratory_of(moving_server: VirtualServer) -> OpenLaboratory:
    """Makes a laboratory for a registered limiter, or for one of `specimens`."""

    def laboratory(
        target: str, limit: int = USUAL.limit, window: float = USUAL.window
    ) -> Laboratory:
        where = target if target[0].islower() else f"{_module(target)}:{target}"
        return Laboratory(Subject(resolve(where), Quota(limit, window)), moving_server, SECONDS)

    return laboratory


@pytest.fixture
def fewer_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enough to tell most leaks; rare ones are of `test_planted` and `test_filling`."""
    monkeypatch.setattr("limitproof.verify.experiments.memory.LONG", 360)


def _module(specimen: str) -> str:
    return next(one.__name__ for one in SPECIMENS if hasattr(one, specimen))
