"""The kill matrix tells what differs from the registry, and what cannot be known.

The checks of the models are held to the registry by tests/verify/test_machine.py, those by
experiments by tests/verify/experiments/test_registered.py, the search over all interleavings by
tests/quality/test_counterexamples.py; here is what these leave.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks.kill_matrix import UNTOLD, Row, symbol, table
from limiters.contract import Quota
from limiters.registry import KNOWN, Entry, entry, resolve
from limitproof.check.verdict import Cause, CheckResult, Verdict
from limitproof.servers.virtual import VirtualServer
from limitproof.verify.apart import asked_apart, judged_apart
from limitproof.verify.contract import CONTRACT
from limitproof.verify.experiments.catalogue import EXPERIMENTS
from limitproof.verify.interleavings import NAMES
from limitproof.verify.laboratory import Laboratory, Subject
from limitproof.verify.machine import MODELLED
from limitproof.verify.units import named

SIMULATED = [one for one in KNOWN if one.name != "in_process"]
AGES = 600.0  # seconds: a busy machine must change nothing
Open = Callable[[str], Laboratory]


@pytest.fixture
def open_here(moving_server: VirtualServer) -> Open:
    def laboratory(name: str) -> Laboratory:
        return Laboratory(Subject(resolve(name), Quota(4, 1.0)), moving_server, AGES)

    return laboratory


def test_every_check_is_held_to_the_registry() -> None:
    """Here, or in the tests that are named above."""
    here = {"contract", *NAMES}
    assert set(named()) == here | set(MODELLED) | {one.name for one in EXPERIMENTS}


@pytest.mark.parametrize("known", SIMULATED, ids=lambda one: one.name)
def test_every_limiter_answers_with_decisions(open_here: Open, known: Entry) -> None:
    assert CONTRACT.examine(open_here(known.name)).result.verdict is Verdict.PASS


def test_what_is_kept_in_the_process_is_asked_in_two(moving_server: VirtualServer) -> None:
    assert moving_server
    subject = Subject(resolve("in_process"), Quota(4, 1.0))
    found = judged_apart(subject, named(), asked_apart(subject, None))
    told = {n: one.result.cause for n, one in found.items() if one.result.verdict is Verdict.FAIL}
    assert told == {name: Cause(cause) for name, cause in entry("in_process").fails.items()}
    assert {n for n, one in found.items() if one.result.verdict is Verdict.UNKNOWN} == UNTOLD[
        "in_process"
    ][0]


def told(name: str, **others: CheckResult) -> Row:
    """A limiter that does what is known of it, but for `others`."""
    known = entry(name)
    results = {
        check: CheckResult(check, Verdict.FAIL, "", Cause(cause))
        for check, cause in known.fails.items()
    }
    passed = {check: CheckResult(check, Verdict.PASS, "") for check in named()}
    changed = {check.replace("_", "-"): one for check, one in others.items()}
    return Row(known, passed | results | changed)


def test_what_differs_from_the_registry_is_told() -> None:
    assert told("fixed_window").strange(named()) == []
    passed = CheckResult("lost-reply", Verdict.PASS, "")
    assert told("fixed_window", lost_reply=passed).strange(named()) == [
        "fixed_window: lost-reply is pass, known fault"
    ]
    failed = CheckResult("memory", Verdict.FAIL, "", Cause.ALGORITHM)
    assert told("fixed_window", memory=failed).strange(named()) == [
        "fixed_window: memory is algorithm, known None"
    ]
    late = CheckResult("memory", Verdict.UNKNOWN, "the time was over")
    assert told("fixed_window", memory=late).strange(named()) == [
        "fixed_window: memory is unknown (the time was over), known None"
    ]
    nobody = CheckResult("contamination", Verdict.UNKNOWN, "nothing was ever refused")
    assert told("unlimited", contamination=nobody).strange(named()) == []


def test_a_row_reads() -> None:
    row = told("fixed_window", contract=CheckResult("contract", Verdict.NOT_TOLD, ""))
    assert table([row], ("contract", "memory", "lost-reply")).splitlines()[-1] == (
        "| `fixed_window` | – | · | **F** |"
    )
    assert symbol(CheckResult("memory", Verdict.UNKNOWN, "")) == "?"
