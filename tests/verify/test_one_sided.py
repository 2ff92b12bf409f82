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
from limitproof.verify import machine
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
EXAMPLES = 10  # of the state machine: what fails here fails in the directed stories before it
FAILS = {
    "refuses": {"false-rejection", "retry-after"},
    "admits": {"overshoot", "remaining", "weights"},
    "raises": {"contract"},
    "refuses and never asks Redis": set[str](),
}
ANSWERED = {"refuses", "admits"}


@pytest.mark.parametrize("limiter", LIMITERS)
def test_nothing_passes_without_evidence(
    moving_server: VirtualServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limiter: str
) -> None:
    monkeypatch.setattr(machine, "EXAMPLES", EXAMPLES)
    found = judged(limiter, tmp_path, moving_server)
    assert set(found) == set(named())
    verdicts = {name: {one.verdict for one in results} for name, results in found.items()}
    # That each was answered has been seen.
    passed = {"contract"} if limiter in ANSWERED else set()
    assert {name for name, told in verdicts.items() if Verdict.PASS in told} == passed
    assert {name for name, told in verdicts.items() if Verdict.FAIL in told} == FAILS[limiter]
    assert all(told == {Verdict.PASS} for name, told in verdicts.items() if name in passed)
    assert all(one.because for results in found.values() for one in results)


def judged(limiter: str, folder: Path, server: VirtualServer) -> dict[str, list[CheckResult]]:
    """All that every unit says of one of them, by the name of the check."""
    body = "".join(f"        {line}\n" for line in LIMITERS[limiter].splitlines())
    path = folder / "mine.py"
    path.write_text(HEAD + body)
    laboratory = Laboratory(Subject(resolve(f"{path}:factory"), Quota(4, 1.0)), server, SECONDS)
    found: dict[str, list[CheckResult]] = {}
    for unit in UNITS:
        laboratory.allow(SECONDS)
        for name, one in examine_unit(unit, laboratory, unit.names).items():
            found.setdefault(name, []).append(one.result)
    return found
