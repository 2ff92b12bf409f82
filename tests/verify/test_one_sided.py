"""Limiters that do the same whatever comes: no check passes for want of evidence.

One that admits whatever comes and never asks Redis is in the registry: `unlimited`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from limiters.contract import Quota
from limiters.registry import resolve
from limitproof.check.verdict import CheckResult, Verdict
from limitproof.servers.virtual import VirtualServer
from limitproof.verify.laboratory import Laboratory, Subject
from limitproof.verify.units import UNITS, examine_unit, named

HEAD = """
from limiters.contract import Decision

class factory:
    def __init__(self, client, quota, clock):
        self.client, self.quota = client, quota

    def acquire(self, key, cost=1):
"""
STORES = "self.client.set(key, 1, px=self.quota.window_ms)\n"
LIMITERS = {
    "refuses": f"{STORES}return Decision(False, 0, 1.0)",
    "admits": f"{STORES}return Decision(True, 3)",
    "raises": f"{STORES}{STORES}raise ValueError('boom')",
    "refuses and never asks Redis": "return Decision(False, 0, 1.0)",
}
SECONDS = 4.0  # for each unit: what is not come to is unknown as well
FAILS = {
    "refuses": {"false-rejection", "retry-after"},
    "admits": {"overshoot", "remaining", "weights"},
    "raises": {"contract"},
    "refuses and never asks Redis": set[str](),
}
ANSWERED = {"refuses", "admits"}


@pytest.fixture(scope="module", params=LIMITERS)
def judged(
    request: pytest.FixtureRequest,
    moving_server: VirtualServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[str, dict[str, list[CheckResult]]]:
    """All that every unit says of one of them."""
    body = "".join(f"        {line}\n" for line in LIMITERS[request.param].splitlines())
    path: Path = tmp_path_factory.mktemp("one-sided") / "mine.py"
    path.write_text(HEAD + body)
    subject = Subject(resolve(f"{path}:factory"), Quota(4, 1.0))
    found: dict[str, list[CheckResult]] = {}
    laboratory = Laboratory(subject, moving_server, SECONDS)
    for unit in UNITS:
        laboratory.allow(SECONDS)
        for name, one in examine_unit(unit, laboratory, unit.names).items():
            found.setdefault(name, []).append(one.result)
    return request.param, found


@pytest.mark.parametrize("name", named())
def test_nothing_passes_without_evidence(
    name: str, judged: tuple[str, dict[str, list[CheckResult]]]
) -> None:
    limiter, found = judged
    verdicts = {one.verdict for one in found[name]}
    if name == "contract" and limiter in ANSWERED:  # that each was answered has been seen
        assert verdicts == {Verdict.PASS}
    else:
        assert Verdict.PASS not in verdicts
    assert (Verdict.FAIL in verdicts) is (name in FAILS[limiter])
    assert all(one.because for one in found[name])
