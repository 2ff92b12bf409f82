"""All interleavings, as `verify` looks at them."""

from __future__ import annotations

import pytest

from limiters.contract import Quota
from limiters.registry import resolve
from limitproof.check.verdict import Verdict
from limitproof.exploring import RUNGS
from limitproof.servers.virtual import VirtualServer
from limitproof.verify import interleavings
from limitproof.verify.interleavings import NAMES, SLEEPS, examine_interleavings
from limitproof.verify.laboratory import Laboratory, Subject


@pytest.mark.parametrize(
    ("name", "seconds", "failed"),
    [("DeepBucket", 60.0, set()), ("DeepRace", 6.0, {"overshoot"})],
)
def test_a_bucket_for_ten_windows_is_asked_beyond_all_that_it_holds(
    moving_server: VirtualServer,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    seconds: float,
    failed: set[str],
) -> None:
    """By two clients, each several times: eleven would be too many to look at."""
    monkeypatch.setattr(interleavings, "MOVES", 0)
    monkeypatch.setattr(interleavings, "RUNGS", RUNGS[:1])
    target = resolve(f"tests.verify.experiments.buckets:{name}")
    laboratory = Laboratory(Subject(target, Quota(4, 1.0)), moving_server, seconds)
    found = examine_interleavings(laboratory, NAMES)
    assert {name for name, one in found.items() if one.result.verdict is Verdict.FAIL} == failed
    if not failed:
        assert {one.result.verdict for one in found.values()} == {Verdict.PASS}
        assert found["overshoot"].result.because.startswith("2 clients for ")


def test_of_who_sleeps_it_is_said_that_no_time_suffices(moving_server: VirtualServer) -> None:
    target = resolve("tests.simulate.edges:SleepsAndCounts")
    laboratory = Laboratory(Subject(target, Quota(4, 1.0)), moving_server, 6.0)
    found = examine_interleavings(laboratory, NAMES)
    told = found["linearizable"].result
    assert told.verdict is Verdict.UNKNOWN
    assert told.because == SLEEPS
    assert found["overshoot"].result.because != SLEEPS
