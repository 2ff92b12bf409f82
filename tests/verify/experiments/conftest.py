"""A laboratory for a limiter, on the worker's Redis whose clock is set by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from limiters.contract import Quota
from limiters.registry import resolve
from limitproof.servers.virtual import VirtualServer
from limitproof.verify.laboratory import Laboratory, Subject

OpenLaboratory = Callable[..., Laboratory]
USUAL = Quota(5, 1.0)
SECONDS = 60.0  # of which an examination takes one or two: a busy machine must change nothing


@pytest.fixture
def laboratory_of(moving_server: VirtualServer) -> OpenLaboratory:
    """Makes a laboratory for a registered limiter, or for one of `specimens`."""

    def laboratory(
        target: str, limit: int = USUAL.limit, window: float = USUAL.window
    ) -> Laboratory:
        where = target if target[0].islower() else f"{SPECIMENS}:{target}"
        return Laboratory(Subject(resolve(where), Quota(limit, window)), moving_server, SECONDS)

    return laboratory


SPECIMENS = "tests.verify.experiments.specimens"
